-- The limit: a redemption of one line as one function inside the database. It writes the rows that checkout.place
-- writes, into the same tables with the same keys, indexes and guards, and decides no more than it must to do so.
CREATE FUNCTION redeem_at_once(of_member bigint, with_key text, as_shown text, going_to json) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    want record;
    paying record;
    placed bigint;
    named text;
BEGIN
    PERFORM 1 FROM purse WHERE member_id = of_member FOR NO KEY UPDATE;
    SELECT b.id AS basket_id, l.variant_id, l.option_id, l.quantity, v.sku, v.title AS variant_title,
           p.id AS product_id, p.slug, p.title, pic.file, pic.art, o.points * l.quantity AS points
      INTO STRICT want
      FROM basket b
      JOIN basket_line l ON l.basket_id = b.id
      JOIN variant v ON v.id = l.variant_id
      JOIN product p ON p.id = v.product_id
      JOIN price_option o ON o.id = l.option_id
      LEFT JOIN picture pic ON pic.product_id = p.id AND pic.position = 1
     WHERE b.key = with_key AND b.member_id = of_member;
    SELECT s.lot_id, s.points INTO STRICT paying
      FROM position s JOIN lot ON lot.id = s.lot_id
     WHERE s.member_id = of_member AND s.place = 'wallet' AND lot.expires_at >= at
     ORDER BY lot.expires_at, lot.id LIMIT 1;
    IF paying.points <= want.points THEN
        RAISE EXCEPTION 'the first lot does not cover it';
    END IF;
    INSERT INTO orders (member_id, key, fingerprint, state, points, goods_cents, shipping_cents, shipping_list_cents,
                        shipping_waived_cents, shipping_tax_cents, accepted_difference_cents, currency, version,
                        level_rank, multiplier_percent, earn_points, earn_per_cents, growth_per_cents, worth_points,
                        worth_cents, return_window_days, digital, gives_coupons, gives_codes, coupon_count, shipping_key,
                        address, placed_at, pay_until, paid_at)
    VALUES (of_member, with_key, as_shown, 'paid', want.points, 0, 0, 490, 0, 0, 0, 'USD', 1, 1, 100, 10, 100, 100,
            100, 100, 14, false, false, false, 0, 'parcel', going_to, at, at + interval '35 minutes', at)
    RETURNING id INTO placed;
    named := 'order:' || placed;
    INSERT INTO order_line (order_id, line, product_id, variant_id, option_id, points_each, title, variant_title, sku,
                            slug, file, art, digital, form, quantity, unit_cents, unit_points, list_cents,
                            level_discount_cents, coupon_cents, price_points, switch_points, saved_cents, waived_cents,
                            cash_cents, tax_basis_points, tax_cents, shipped, refunded, called_off, shipping_back,
                            codes, template_id, exchanging, replaced, gift_pieces)
    VALUES (placed, 1, want.product_id, want.variant_id, want.option_id, want.points, want.title, want.variant_title,
            want.sku, want.slug, want.file, want.art, false, 'points', want.quantity, 0, want.points, 0, 0,
            0, want.points, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, null, 0, 0, 0);
    INSERT INTO order_event (order_id, kind, said, actor, at)
    VALUES (placed, 'placed', '{"text": "Order placed and paid with points", "values": {}}', 'member:' || of_member, at);
    INSERT INTO posting (member_id, move, line, kind, source, destination, lot_id, points, reference, actor,
                         happened_at, happened_on, written_at)
    VALUES (of_member, named || ':end', 1, 'redeem', 'wallet', 'redemption', paying.lot_id, want.points, named,
            'system', at, at::date, at);
    UPDATE position SET points = points - want.points
     WHERE member_id = of_member AND place = 'wallet' AND lot_id = paying.lot_id;
    UPDATE purse SET wallet = wallet - want.points, last_written_at = at WHERE member_id = of_member;
    DELETE FROM basket_line WHERE basket_id = want.basket_id;
    UPDATE basket SET key = gen_random_uuid()::text, touched_at = at WHERE id = want.basket_id;
    UPDATE stock SET reserved = reserved + want.quantity
     WHERE variant_id = want.variant_id AND on_hand >= reserved + want.quantity;
    INSERT INTO reservation (reference, variant_id, quantity, open, reserved_at)
    VALUES (named, want.variant_id, want.quantity, want.quantity, at);
    INSERT INTO stock_move (variant_id, kind, on_hand_change, reserved_change, reference, reason, by, at)
    VALUES (want.variant_id, 'reserve', 0, want.quantity, named, '', 'system', at);
    INSERT INTO fact (kind, member_id, reference, cents, attributes, key, at)
    VALUES ('order_paid', of_member, named, 0, '{"kept_cents": 0, "points": 0, "growth": 0}', named || ':paid', at);
    INSERT INTO notice (channel, kind, key, member_id, details, written_at, next_try_at, tries)
    VALUES ('mail', 'order_paid', named || ':paid', of_member,
            json_build_object('number', (10000 + placed)::text, 'points', want.points, 'total_cents', 0), at, at, 0);
    RETURN placed;
END $$;

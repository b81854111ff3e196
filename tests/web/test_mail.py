"""A notice becomes a letter in its reader's language; nothing a person typed can change more than its words."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mall.base.db import transaction
from mall.domain import earning, notices, people, programme
from mall.gateway.mailers import FileMailer, MailNotSent
from mall.web.mail import mail_for, render
from mall.web.mail.rendering import sender
from mall.web.shared.letters import LETTERS, PAGES
from mall.worker import attempt

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

VALUES: dict[str, Any] = {
    "verify_email": {"name": "Mei", "link": "http://localhost/verify-email/token"},
    "reset_password": {"name": "Mei", "link": "http://localhost/reset-password/token"},
    "password_changed": {"name": "Mei"},
    "confirm_email": {"name": "Mei", "link": "http://localhost/confirm/token"},
    "email_changing": {"name": "Mei", "email": "new@example.com"},
    "email_known": {},
    "sign_in_slowed": {},
    "order_placed": {"number": "1042", "points": 600, "total_cents": 990},
    "order_paid": {
        "number": "1042",
        "points": 600,
        "total_cents": 990,
        "earned_points": 99,
        "codes": True,
        "coupons": True,
        "digital": False,
    },
    "order_shipped": {"number": "1042", "carrier": "DHL", "tracking": "JD014600003", "pieces": 2, "left": 1},
    "order_ready": {"number": "1042"},
    "order_collected": {"number": "1042"},
    "order_cancelled": {"number": "1042", "points": 600, "back_cents": 990, "gone_cents": 10},
    "order_timed_out": {"number": "1042", "points": 600, "back_cents": 990},
    "refund_done": {"number": "1042", "back_cents": 990, "gone_cents": 0, "points": 1},
    "return_asked": {"number": "1042"},
    "return_advanced": {"number": "1042"},
    "return_approved": {"number": "1042", "words": "Use the label inside."},
    "return_declined": {"number": "1042", "words": "It has been worn."},
    "return_withdrawn": {"number": "1042"},
    "return_lapsing": {"number": "1042", "lapses_at": "2026-04-01T12:00:00+00:00"},
    "return_lapsed": {"number": "1042"},
    "return_received": {"number": "1042"},
    "return_offered": {"number": "1042", "words": "The glaze is no longer made."},
    "exchange_asked": {"number": "1042"},
    "exchange_approved": {"number": "1042", "words": "Use the label inside."},
    "exchange_spared": {"number": "1042", "words": "Keep the cracked one."},
    "exchange_received": {"number": "1042"},
    "exchange_sent": {"number": "1042", "carrier": "DHL", "tracking": "JD014600004"},
    "exchange_declined": {"number": "1042", "words": "It has been worn."},
    "exchange_withdrawn": {"number": "1042"},
    "exchange_lapsing": {"number": "1042", "lapses_at": "2026-04-01T12:00:00+00:00"},
    "exchange_lapsed": {"number": "1042"},
    "points_unlocked": {"number": "1042", "points": 1_234},
    "points_reward_undone": {"number": "1042", "points": 100, "growth": 10},
    "points_reward_short": {"number": "1042", "points": 100, "growth": 10, "least_cents": 1_000},
    "points_invitation_undone": {"friend": "Lin", "points": 300, "growth": 50},
    "points_expiring": {"points": 1_200, "expires_on": "2026-03-31"},
    "points_cash_declined": {"points": 5_000, "words": "The account is another's."},
    "points_cash_paid": {"cents": 4_000, "account_end": "3000"},
    "points_cash_bounced": {
        "points": 5_000,
        "repaid": 200,
        "words": "The account is closed.",
        "account_end": "3000",
    },
    "level_raised": {"level": {"en": "Senior", "zh": "高级会员"}},
    "level_review": {"level": {"en": "Senior", "zh": "高级会员"}, "missing": 312, "review_on": "2027-03-14"},
    "level_lowered": {"level": {"en": "Ordinary", "zh": "普通会员"}},
    "level_granted": {"level": {"en": "VIP", "zh": "贵宾"}, "last_day": "2026-12-31"},
    "level_ending": {"level": {"en": "VIP", "zh": "贵宾"}, "last_day": "2026-12-31", "paid": True},
    "level_grant_ended": {"level": {"en": "VIP", "zh": "贵宾"}},
    "level_pack_received": {"level": {"en": "Senior", "zh": "高级会员"}, "points": 200, "coupons": 1},
    "paid_level_undone": {"level": {"en": "VIP", "zh": "贵宾"}, "points": 100, "coupons": 1, "used": 1},
    "level_pack_undone": {"level": {"en": "Senior", "zh": "高级会员"}, "points": 200, "coupons": 1, "used": 2},
    "birthday_pack_received": {"level": {"en": "Senior", "zh": "高级会员"}, "points": 50, "coupons": 0},
    "level_dormancy": {"points": 160, "deducts_on": "2026-06-14"},
    "campaign_ahead": {
        "title": {"en": "Double points weekend", "zh": "周末双倍积分"},
        "starts_at": "2026-06-13T22:00:00+00:00",
        "ends_at": "2026-06-15T22:00:00+00:00",
        "multiplier_percent": 200,
    },
    "coupon_received": {
        "title": {"en": "Ten off", "zh": "立减十元"},
        "ends_at": "2026-03-31T22:00:00+00:00",
        "words": "",
    },
    "coupon_pack_received": {
        "title": {"en": "Welcome", "zh": "欢迎"},
        "ends_at": "2026-03-31T22:00:00+00:00",
        "words": "Glad you came.",
        "coupons": 3,
    },
    "stamp_card_full": {
        "title": {"en": "Buy ten", "zh": "买十赠一"},
        "coupon": {"en": "A tea for nothing", "zh": "赠茶一份"},
        "coupons": 1,
        "ends_at": "2026-03-31T22:00:00+00:00",
    },
    "coupon_expiring": {
        "title": {"en": "Ten off", "zh": "立减十元"},
        "ends_at": "2026-03-31T22:00:00+00:00",
        "coupons": [
            {"title": {"en": "Ten off", "zh": "立减十元"}, "pieces": 2},
            {"title": {"en": "Free parcel", "zh": "免邮"}, "pieces": 1},
        ],
    },
    "back_in_stock": {
        "title": {"en": "Mug", "zh": "杯"},
        "variant_title": {"en": "Moss", "zh": "苔绿"},
        "slug": "mug",
    },
    "review_published": {"title": {"en": "Mug", "zh": "杯"}, "slug": "mug", "points": 50},
    "review_rejected": {"title": {"en": "Mug", "zh": "杯"}, "words": "It is of another item."},
    "review_taken_down": {
        "title": {"en": "Mug", "zh": "杯"},
        "words": "The picture shows somebody else.",
        "points": 50,
    },
    "review_answered": {"title": {"en": "Mug", "zh": "杯"}, "slug": "mug", "words": "Glad it keeps the tea warm."},
    "question_answered": {"title": {"en": "Mug", "zh": "杯"}, "question_id": 7, "words": "For half an hour."},
    "question_closed": {"title": {"en": "Mug", "zh": "杯"}, "question_id": 7, "words": "It is no longer made."},
}


@pytest.fixture
def terms(app):
    """The terms of a shop in Berlin that counts in euros."""
    with transaction():
        return programme.establish(
            programme.default_settings(
                shop_name={"en": "Tessera", "zh": "方寸"},
                currency="EUR",
                zone="Europe/Berlin",
                support_email="hello@tessera.test",
            ),
            by="system",
            at=NOON,
        )


@pytest.fixture
def mei(terms):
    """Mei, who reads Chinese."""
    with transaction():
        member_id = people.register(
            email=people.read_email("mei@example.com"),
            password=people.PasswordHash("-"),
            display_name="Mei",
            language="zh",
            wants_news=False,
            verify_page="http://localhost/verify-email/",
            at=NOON,
        )
        earning.welcome(member_id, terms=terms, at=NOON)
    return member_id


def letter(kind, terms, *, language="en", name="Mei", values=None):
    return render(
        kind,
        VALUES[kind] if values is None else values,
        to="mei@example.com",
        name=name,
        language=language,
        key=f"{kind}:1",
        terms=terms,
    )


def claim():
    with transaction():
        return notices.claim(at=NOON)


def test_every_kind_of_notice_has_a_letter_and_every_letter_a_kind():
    assert set(LETTERS) == set(notices.KINDS) == set(VALUES)
    assert set(PAGES) <= set(LETTERS)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", VALUES)
def test_every_letter_can_be_set_in_every_language(terms, kind, language):
    mail = letter(kind, terms, language=language)

    assert mail.subject and "None" not in mail.text and "%(" not in mail.text and "{" not in mail.text
    assert mail.subject in mail.html
    assert ("方寸" if language == "zh" else "Tessera") in mail.text


def test_a_letter_has_its_figures_the_reader_s_way(terms):
    mail = letter("order_paid", terms)

    assert mail.subject == "Order 1042 is paid"
    assert "Hello Mei," in mail.text
    assert "Points: 600 points" in mail.text
    assert "Cash: €9.90" in mail.text
    assert "€9.90" in mail.html


def test_one_point_is_one_point(terms):
    assert "Points back: 1 point\n" in letter("refund_done", terms).text


def test_what_is_nothing_is_not_listed(terms):
    mail = letter("order_paid", terms, values=VALUES["order_paid"] | {"points": 0})

    assert "Points:" not in mail.text


def test_the_review_letter_says_how_much_by_when_to_stay_what(terms):
    assert letter("level_review", terms).subject == "312 growth by 14 March 2027 to stay Senior"


def test_links_lead_to_the_configured_host(terms):
    link = VALUES["verify_email"]["link"]
    mail = letter("verify_email", terms)

    assert link in mail.text
    assert f'href="{link}"' in mail.html


def test_markup_that_a_person_typed_stays_words(terms):
    mail = letter("order_shipped", terms, name="<b>Mei</b>", values={"number": "1", "carrier": "<script>x</script>"})

    assert "<script>" not in mail.html and "<b>" not in mail.html
    assert "Hello <b>Mei</b>," in mail.text


def test_line_breaks_that_a_person_typed_add_no_header(terms):
    mail = letter("order_shipped", terms, values={"number": "1\r\nBcc: all@example.com"})
    message = message_from_bytes(mail.message().as_bytes(), policy=policy.default)

    assert message["Bcc"] is None
    assert message["Subject"] == "Order 1 Bcc: all@example.com is on its way"


@pytest.mark.parametrize(
    "to", ["mei@example.com\r\nBcc: all@example.com", "mei@example.com, all@example.com", "mei", ""]
)
def test_an_address_that_is_none_is_not_written_to(terms, to):
    mail = letter("order_paid", terms)

    with pytest.raises(MailNotSent):
        replace(mail, to=to).message()


def test_the_message_says_who_writes_and_that_no_person_did(terms):
    message = letter("order_paid", terms).message()

    assert str(message["From"]) == "Tessera <hello@tessera.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<order_paid-1@tessera.test>"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_member_gets_mail_in_their_language_at_their_address(mei):
    (notice,) = claim()
    mail = mail_for(notice)

    assert (notice.kind, mail.to, mail.language) == ("verify_email", "mei@example.com", "zh-Hans")
    assert "方寸" in mail.html


def test_the_address_of_a_notice_wins_over_the_member_s(mei):
    claim()
    with transaction():
        notices.tell(mei, "confirm_email", to="new@example.com", values=VALUES["confirm_email"], key="c", at=NOON)
    (notice,) = claim()

    assert mail_for(notice).to == "new@example.com"


def test_nobody_to_write_to_is_no_mail(terms):
    with transaction():
        notices.tell(404, "email_known", values={}, key="gone", at=NOON)
    (notice,) = claim()

    assert mail_for(notice) is None


def test_the_same_mail_sent_again_replaces_its_file(mei, tmp_path):
    (notice,) = claim()
    for _turn in range(2):
        FileMailer(tmp_path / "box").send(mail_for(notice))

    (path,) = (tmp_path / "box").iterdir()
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert message["To"] == "mei@example.com"


def test_a_key_cannot_leave_the_folder(terms, tmp_path):
    mail = letter("order_paid", terms)
    FileMailer(tmp_path / "box").send(replace(mail, key="../../etc/passwd"))

    assert [path.name for path in (tmp_path / "box").iterdir()] == ["------etc-passwd.eml"]


# The demo's outbox


def test_the_demo_s_outbox_lists_the_mails_and_shows_their_links(app, mei, client):
    for notice in claim():
        attempt(notice, FileMailer(app.config["OUTBOX_DIR"]))
    page = client.get("/outbox/")
    (stem,) = (path.stem for path in Path(app.config["OUTBOX_DIR"]).glob("*.eml"))
    mail = client.get(f"/outbox/{stem}")

    assert page.status_code == 200 and f"/outbox/{stem}" in page.text
    assert 'href="http://localhost/verify-email/' in mail.text
    assert mail.headers["Cache-Control"] == "no-store"


def test_an_empty_outbox_says_so(terms, client):
    assert "No mail yet" in client.get("/outbox/").text


@pytest.mark.parametrize("name", ["nothing", "../mall", "..%2Fmall", "%2e%2e", "a" * 300, "名" * 200, "a" * 5_000])
def test_only_mails_are_shown(terms, client, name):
    assert client.get(f"/outbox/{name}").status_code == 404
    assert client.get(f"/outbox/{name}.eml").status_code == 404


def test_outside_the_demo_there_is_no_outbox(make_app):
    app = make_app(DEMO=False, CASHIER="none")
    with app.app_context():
        client = app.test_client()
        assert client.get("/outbox/").status_code == 404
        assert client.get("/outbox/anything").status_code == 404


@pytest.mark.parametrize(
    ("mail_from", "support", "comes_from"),
    [
        ("", "hello@tessera.test", "hello@tessera.test"),
        ("shop@tessera.test", "hello@tessera.test", "shop@tessera.test"),
        ("the shop", "hello@tessera.test", "hello@tessera.test"),
        ("the shop", "call us", "no-reply@localhost"),
        ("", "hello@tessera.test\n", "no-reply@localhost"),
    ],
)
def test_a_sender_mistyped_stops_no_mail(app, terms, mail_from, support, comes_from):
    app.config["MAIL_FROM"] = mail_from

    assert sender(replace(terms, support_email=support)) == comes_from


def test_coupons_that_end_on_one_day_are_named_in_one_mail(terms):
    def mail(values, language):
        given = {"to": "mei@example.com", "name": "Mei", "key": "1", "terms": terms}
        return render("coupon_expiring", values, language=language, **given)

    both = mail(VALUES["coupon_expiring"], "en")
    assert both.subject == "3 of your coupons end soon"
    for body in (both.text, both.html):
        assert "You have not used these coupons yet: 2 × Ten off, 1 × Free parcel." in body
    chinese = mail(VALUES["coupon_expiring"], "zh")
    assert chinese.subject == "您有 3 张优惠券即将到期"
    for body in (chinese.text, chinese.html):
        assert "您还没有使用这些优惠券：立减十元 × 2, 免邮 × 1。" in body
    one = {name: VALUES["coupon_expiring"][name] for name in ("title", "ends_at")}
    assert mail(one, "en").subject == "Your coupon ends soon: Ten off"

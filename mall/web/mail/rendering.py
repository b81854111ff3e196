"""Rendering: who a notice goes to, in which language, and the mail it becomes."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, g
from sqlalchemy import Row, select
from werkzeug.routing import BuildError

from mall.base.clock import now
from mall.base.db import execute, reading
from mall.base.text import local
from mall.domain import notices, people, programme
from mall.gateway.mailers import Mail
from mall.web.shared.letters import LETTERS, page_of


def mail_for(notice: notices.Claimed) -> Mail | None:
    """Return the mail of a notice, or None when nobody is to read it: no more, or not by mail."""
    member = people.Member
    with reading():
        terms = programme.current(now())
        reader, refused = None, set[str]()
        if notice.member_id is not None:
            columns = (member.email, member.language, member.display_name, member.marketing_consent_at)
            reader = execute(
                select(*columns, member.deactivated_at).where(member.id == notice.member_id)
            ).one_or_none()
            refused = notices.refused_topics(notice.member_id)
    to = notice.to_address or (reader.email if reader else None)
    if to is None or (notice.to_address is None and not wants(reader, notice.kind, refused=refused)):
        return None
    return render(
        notice.kind,
        notice.details,
        to=to,
        name=reader.display_name if reader else notice.details.get("name", ""),
        language=reader.language if reader else terms.language,
        key=notice.key,
        terms=terms,
    )


def wants(reader: Row[Any] | None, kind: str, *, refused: Collection[str]) -> bool:
    """Tell whether a member wants a kind of notice by mail: not who has left, nor what they chose to do without."""
    topic = notices.TOPIC_OF[kind]
    if reader is None or topic in refused:
        return False
    if topic in notices.CHOICES and reader.deactivated_at is not None:
        return False
    return topic not in notices.NEWS or reader.marketing_consent_at is not None


def render(
    kind: str,
    values: Mapping[str, Any],
    *,
    to: str,
    name: str,
    language: str,
    key: str,
    terms: programme.Programme,
) -> Mail:
    """Set a letter in a language, as text and as HTML."""
    # A context of its own, so that one mail's language and shop do not reach the next.
    with current_app.app_context():
        g.language, g.shop = language, terms
        link = values.get("link") or link_of(kind, values)
        letter = LETTERS[kind](dict(values) | {"link": link})
        shop = local(terms.shop_name, language)
        words = {
            "letter": letter,
            "name": name,
            "shop": shop,
            "address": terms.address,
            "support_email": terms.support_email,
            "home": current_app.config["PUBLIC_URL"],
            "lang": "zh-Hans" if language == "zh" else language,
        }
        environment = current_app.jinja_env
        return Mail(
            to=to,
            subject=letter.subject,
            text=environment.get_template("mail/letter.txt").render(words),
            html=environment.get_template("mail/letter.html").render(words),
            language=words["lang"],
            sender_name=shop,
            sender=sender(terms),
            key=key,
        )


def link_of(kind: str, values: Mapping[str, Any]) -> str | None:
    """Return the address of the page a letter is about, under the configured host; None where there is none."""
    page = page_of(kind, values)
    if page is None:
        return None
    try:
        return address_of(page[0], **page[1])
    except BuildError:
        return None


def address_of(endpoint: str, **values: Any) -> str:
    """Return the whole address of a page, without a request: under the configured host. Raises BuildError."""
    public = urlsplit(current_app.config["PUBLIC_URL"])
    adapter = current_app.url_map.bind(public.netloc, url_scheme=public.scheme)
    return adapter.build(endpoint, values, force_external=True)


def sender(terms: programme.Programme) -> str:
    """Return the address mails come from: MAIL_FROM, else the shop's support address, else one that is not read.

    What is no address is passed over: a typing error stops no mail.
    """
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    wanted = (current_app.config["MAIL_FROM"], terms.support_email)
    return next((address for address in wanted if address and programme.is_address(address)), f"no-reply@{host}")

"""Letters about an account: its address, its password, who tries to get in."""

from flask_babel import gettext as _

from .parts import Letter, Values


def verify_email(values: Values) -> Letter:
    return Letter(
        _("Confirm your e-mail address"),
        [_("Welcome! Confirm that this address is yours, and you can spend the points you earn.")],
        button=(_("Confirm my address"), values["link"]),
        after=[_("The link works for 3 days. If you did not register, do nothing: without it nobody gets further.")],
    )


def reset_password(values: Values) -> Letter:
    return Letter(
        _("Choose a new password"),
        [_("Somebody, we hope it was you, asked for a new password.")],
        button=(_("Choose a new password"), values["link"]),
        after=[_("The link works once and for 30 minutes. If it was not you, do nothing: your password stays.")],
    )


def password_changed(values: Values) -> Letter:
    return Letter(
        _("Your password was changed"),
        [
            _("Your password was changed just now, and you were signed out everywhere else."),
            _("If it was not you, ask for a new password at once: on the sign-in page, “Forgot your password?”."),
        ],
    )


def confirm_email(values: Values) -> Letter:
    return Letter(
        _("Confirm your new e-mail address"),
        [_("You asked us to write to this address from now on.")],
        button=(_("Confirm my new address"), values["link"]),
        after=[_("The link works for one day. Until then we write to your old address.")],
    )


def email_changing(values: Values) -> Letter:
    return Letter(
        _("Your e-mail address is about to change"),
        [
            _("Your account is to use %(email)s from now on, once that address is confirmed.", email=values["email"]),
            _("If it was not you, change your password at once and write to us."),
        ],
    )


def email_known(values: Values) -> Letter:
    return Letter(
        _("You have an account already"),
        [
            _("Somebody, perhaps you, tried to register with this address. It has an account already."),
            _("Sign in with it; if you forgot the password, ask for a new one on the sign-in page."),
            _("If it was not you, there is nothing to do: nobody learned that you have an account."),
        ],
    )


def sign_in_slowed(values: Values) -> Letter:
    return Letter(
        _("Many failed sign-ins to your account"),
        [
            _("Somebody tried to sign in to your account many times with a wrong password. We slow them down."),
            _("If it was you, wait a few minutes. If not, a long password of your own keeps them out."),
        ],
    )


LETTERS = (
    verify_email,
    reset_password,
    password_changed,
    confirm_email,
    email_changing,
    email_known,
    sign_in_slowed,
)

"""A declined payment can be tried again. Giving up gives the points back at once, and the items to the basket."""


def test_a_declined_payment_is_tried_again(payer):
    payer.press("Pay with a card that is declined")
    payer.sees("Payment of $23.90 was declined")

    payer.follow("Go back without paying")
    payer.sees("Payment of $23.90 was declined.", "your 600 pts are back at once")
    payer.press("Try again")
    payer.press("Pay $23.90")

    payer.sees("Paid")
    payer.sees_not("was declined. Try again")
    payer.open("/wallet")
    payer.sees("400 pts")


def test_giving_up_gives_the_points_back_at_once(payer):
    payer.press("Pay with a card that is declined")
    payer.follow("Go back without paying")
    payer.open("/wallet")
    payer.sees("400 pts", "Held for an order", "600 pts")

    payer.page.go_back()
    payer.press("Give up")

    payer.sees("The points are back in your wallet", "Cancelled")
    payer.open("/wallet")
    payer.sees("1,000 pts")
    payer.sees_not("400 pts")
    payer.open("/basket")
    payer.sees("Paper lamp", "Your points: 1,000 − 600 = 400 left")

"""What is read once for each mark is read anew when the mark is another one, and never for another database."""

from mall.base.marked import Marked


def test_it_is_read_once_for_each_mark(app):
    known, read = Marked(), []

    def one():
        read.append("read")
        return len(read)

    assert [known.get(mark, one) for mark in (3, 3, 4, 4, 3)] == [1, 1, 2, 2, 3]


def test_another_database_has_its_own(make_app):
    known = Marked()
    for number in (1, 2):
        with make_app().app_context():
            assert known.get(1, lambda number=number: number) == number

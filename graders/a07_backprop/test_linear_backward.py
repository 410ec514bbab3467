from chainrule.grader import points


@points(12)
def test_x(student):
    pass

from chainrule.grader import points


@points(8)
def test_x(student):
    pass

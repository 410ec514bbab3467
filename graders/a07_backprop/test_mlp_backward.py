from chainrule.grader import points


@points(16)
def test_x(student):
    pass

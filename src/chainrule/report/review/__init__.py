"""What a human has to look at in one assignment: the review pages, and pairs of submissions to compare."""

from chainrule.report.review.pages import ALONG, INDEX, size, write
from chainrule.report.review.settings import Settings, load

__all__ = ["ALONG", "INDEX", "Settings", "load", "size", "write"]

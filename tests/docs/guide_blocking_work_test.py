#!/usr/bin/env python3
"""Types what the page about work that blocks tells, and compares what is printed."""
from guide_testbed import GuideTest, blocks, main, read_page

PAGE = "02-blocking-work.md"


class BlockingWork(GuideTest):
    example = "blocking_work"

    def test_prints_what_the_page_shows(self):
        page = read_page(PAGE)
        (start,) = blocks(page, "sh")
        server = self.start(*start.split())
        self.wait_until("fairlead call unix:lines.sock /lines/count '{\"path\":\"/dev/null\"}'")

        self.assert_prints_what_is_shown(page, count_min=3)

        self.assert_ends_in_order(server)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Types what the page about plugins tells, and compares what is printed."""
from guide_testbed import GuideTest, blocks, main, read_page

PAGE = "05-write-a-plugin.md"


class WriteAPlugin(GuideTest):
    example = "write_a_plugin"

    def test_prints_what_the_page_shows(self):
        page = read_page(PAGE)
        (start,) = blocks(page, "sh")
        server = self.start(*start.split(), "--listen", self.address)
        self.wait_until(f"fairlead call {self.address} /greet '\"me\"'")

        self.assert_prints_what_is_shown(page, "127.0.0.1:9090", 6)

        self.assert_ends_in_order(server)


if __name__ == "__main__":
    main()

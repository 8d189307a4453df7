#!/usr/bin/env python3
"""Types what the pages about a first service and about Go tell, and compares what is printed."""
import shutil

from guide_testbed import ROOT, GuideTest, main, read_page, steps

PAGE = "01-first-service.md"
GO_PAGE = "03-go-and-cpp.md"
EXAMPLE = ROOT / "examples/guide/first_service"
WRITTEN_ADDRESS = "127.0.0.1:8080"
GREETER_ADDRESS = "127.0.0.1:9090"


class FirstService(GuideTest):
    example = "first_service"

    def test_prints_what_the_page_shows(self):
        page = read_page(PAGE)
        self.assertIn("\n./build/shop_server --store file:shop.db\n", page)
        self.assertIn("\nfairlead gateway\n", page)
        shutil.copy(EXAMPLE / "fairlead.yaml", self.folder)
        server = self.start("build/shop_server", "--store", "file:shop.db")
        gateway = self.start("fairlead", "gateway", FAIRLEAD_GATEWAY__LISTEN=self.address)
        self.wait_until("fairlead call shop /shop/quote '{\"item\":\"pen\"}' --store file:shop.db")
        self.wait_until(f"curl -sf http://{self.address}/shop/quote -d item=pen")

        self.assert_prints_what_is_shown(page, WRITTEN_ADDRESS, 6)

        self.assert_ends_in_order(gateway, server)


class GoAndCpp(GuideTest):
    example = "go_and_cpp"

    def test_prints_what_the_page_shows(self):
        page = read_page(GO_PAGE)
        self.assertIn("\n./build/greeter_server ", page)
        server = self.start("build/greeter_server", "--listen", self.address)
        self.wait_until(f"./build/greeter_client {self.address}")

        self.assertEqual([command for command, _ in steps(page)],
                         [f"./build/greeter_client {GREETER_ADDRESS}"])
        self.assert_prints_what_is_shown(page, GREETER_ADDRESS)

        self.assert_ends_in_order(server)


if __name__ == "__main__":
    main()

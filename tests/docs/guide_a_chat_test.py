#!/usr/bin/env python3
"""Types what the page about a chat tells, beside Bob, who listens in a terminal of his own."""
import subprocess

from guide_testbed import GuideTest, main, read_page

PAGE = "06-a-chat.md"
ADDRESS = "127.0.0.1:9090"


class AChat(GuideTest):
    example = "a_chat"

    def listen(self, name):
        """A client whose keyboard is silent."""
        client = subprocess.Popen(["build/chat_client", name, self.address], cwd=self.folder,
                                  env=self.environment, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        self.addCleanup(client.stdin.close)
        self.assertEqual(client.stdout.readline(), "you are in\n")
        return client

    def test_prints_what_the_page_shows(self):
        page = read_page(PAGE)
        self.assertIn(f"\n./build/chat_server\n./build/chat_client Bob {ADDRESS}\n", page)
        server = self.start("build/chat_server", "--listen", self.address)
        self.wait_until(f"./build/chat_client First {self.address} < /dev/null")
        bob = self.listen("Bob")

        self.assert_prints_what_is_shown(page, ADDRESS, 5)

        self.assertEqual(bob.stdout.read(), "Ann: Hello, everybody\nthe connection has ended\n")
        self.assert_ends_in_order(server)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Terminals and a browser in one room."""
import json
import signal
import unittest

from browser import Browser
from testbed import ADMIN_WORD, PATIENCE, ChatTest


class Guest:
    """One who talks from the page."""

    def __init__(self, browser, address, name):
        self.page = browser.open(f"http://{address}/")
        self.submit("name", name)

    def submit(self, field, text):
        self.page.ask(f"document.getElementById('{field}').value = {json.dumps(text)};"
                      f"document.getElementById('{field}').form.requestSubmit()")

    def say(self, text):
        self.submit("text", text)

    def wait_inside(self):
        self.page.wait("!document.getElementById('room').hidden")

    def wait_outside(self, why):
        self.page.wait("!document.getElementById('door').hidden && document.getElementById("
                       f"'door-problem').textContent === {json.dumps(why)}")

    def lines(self):
        """[who, text] of every line."""
        return self.page.ask("""[...document.querySelectorAll('.line')].map((line) =>
            [line.querySelector('.who').firstChild.data, line.querySelector('.text').innerText])""")

    def wait_for(self, who, text):
        self.page.wait("[...document.querySelectorAll('.line')].some((line) => "
                       f"line.querySelector('.who').firstChild.data === {json.dumps(who)} && "
                       f"line.querySelector('.text').textContent === {json.dumps(text)})")

    def wait_for_note(self, text):
        self.page.wait("[...document.querySelectorAll('.note')].some((note) => "
                       f"note.textContent === {json.dumps(text)})")

    def people(self):
        return self.page.ask("[...document.querySelectorAll('#people span:last-child')]"
                             ".map((span) => span.textContent)")


class Talking(ChatTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def visit(self, name):
        guest = Guest(self.browser, self.address, name)
        self.addCleanup(guest.page.close)
        guest.wait_inside()
        return guest

    def test_all_hear_what_one_says_in_a_terminal_or_in_a_browser(self):
        ann, bob, cat = self.enter("ann"), self.enter("bob"), self.visit("cat")

        ann.type("hello from a terminal")
        bob.wait_for("ann: hello from a terminal")
        cat.say("grüße 🚲 from a browser")

        for terminal in (ann, bob):
            terminal.wait_for("cat: grüße 🚲 from a browser")
        cat.wait_for("cat", "grüße 🚲 from a browser")
        self.assertEqual(cat.lines(), [["ann", "hello from a terminal"],
                                       ["cat", "grüße 🚲 from a browser"]])

    def test_who_comes_and_goes_is_told_and_listed(self):
        ann, cat = self.enter("ann"), self.visit("cat")
        ann.wait_for("* cat came")
        bob = self.enter("bob")

        ann.wait_for("* bob came")
        cat.wait_for_note("bob came")
        self.assertEqual(cat.people(), ["ann", "bob", "cat (you)"])
        ann.type("/who")
        ann.wait_for("* here are: ann bob cat")
        self.assertEqual(bob.end(), 0)

        ann.wait_for("* bob left")
        cat.wait_for_note("bob left")
        self.assertEqual(cat.people(), ["ann", "cat (you)"])

    def test_what_is_said_to_one_the_others_do_not_hear(self):
        ann, bob, cat = self.enter("ann"), self.enter("bob"), self.visit("cat")

        ann.type("/msg cat from a terminal")
        cat.wait_for("ann to you", "from a terminal")
        cat.page.ask("[...document.querySelectorAll('#people button')]"
                     ".find((button) => button.textContent.endsWith('ann')).click()")
        cat.say("from a browser")
        ann.wait_for("cat to you: from a browser")
        cat.wait_for("you to ann", "from a browser")
        ann.type("now to all")
        bob.wait_for("ann: now to all")

        self.assertNotIn("from a", " ".join(bob.seen))
        ann.type("/msg zoe are you here?")
        ann.wait_for("* nobody here is called zoe")

    def test_who_comes_late_is_told_the_last_50_lines_once(self):
        ann = self.enter("ann")
        for number in range(60):
            ann.type(f"line {number}")
        ann.wait_for("ann: line 59")

        bob, cat = self.enter("bob"), self.visit("cat")

        lines = [f"ann: line {number}" for number in range(10, 60)]
        self.assertEqual([line for line in bob.seen if "line" in line], lines)
        self.assertEqual(cat.lines(), [line.split(": ") for line in lines])

    def test_the_page_shows_a_line_once_that_comes_as_history_and_as_news(self):
        ann, cat = self.enter("ann"), self.visit("cat")
        ann.type("hello")
        cat.wait_for("ann", "hello")

        again = json.dumps({"number": 1, "at_ms": 0, "from": "ann", "text": "hello"})
        cat.page.ask(f"pushed['/room/said']({again})")

        self.assertEqual(cat.lines(), [["ann", "hello"]])

    def test_a_second_login_sends_the_first_away(self):
        bob, first = self.enter("bob"), self.enter("ann")

        second = self.enter("ann")
        first.wait_for("* you entered from elsewhere")
        self.assertEqual(first.end(), 1)
        guest = self.visit("ann")
        second.wait_for("* you entered from elsewhere")
        third = self.enter("ann")
        guest.wait_outside("you entered from elsewhere")
        third.type("still me")

        bob.wait_for("ann: still me")
        self.assertEqual(bob.seen.count("* ann came"), 1)
        self.assertNotIn("* ann left", bob.seen)

    def test_an_admin_kicks_and_nobody_else_does(self):
        root, ann, cat = self.enter("root", ADMIN_WORD), self.enter("ann"), self.visit("cat")

        ann.type("/kick root")
        ann.wait_for("* only an admin may do that")
        root.type("/kick ann")
        root.type("/kick cat")
        root.type("/kick zoe")

        ann.wait_for("* you were kicked by an admin")
        self.assertEqual(ann.end(), 1)
        cat.wait_outside("you were kicked by an admin")
        root.wait_for("* nobody here is called zoe")
        root.type("/who")
        root.wait_for("* here are: root")

    def test_the_end_of_the_server_is_told_to_all(self):
        ann, cat = self.enter("ann"), self.visit("cat")

        self.server.send_signal(signal.SIGTERM)

        ann.wait_for("* the chat was closed")
        self.assertEqual(ann.process.wait(PATIENCE), 1, "it does not wait for the keyboard")
        cat.wait_outside("the chat was closed")
        self.assertEqual(self.server.wait(PATIENCE), 0)

    def test_a_lost_server_is_told_as_such(self):
        ann, cat = self.enter("ann"), self.visit("cat")

        self.server.kill()
        self.expected_end = -signal.SIGKILL

        cat.wait_outside("the connection was lost")
        ann.wait_for("* the connection was lost")
        self.assertEqual(ann.end(), 1)

    def test_the_page_shows_lines_as_text_whatever_they_say(self):
        ann, cat = self.enter("ann"), self.visit("cat")
        evil = "<img src=x onerror='hit = 1'><script>hit = 1</script>&lt;b&gt;"

        ann.type(evil)
        ann.type("/msg cat " + evil)

        cat.wait_for("ann to you", evil)
        self.assertEqual(cat.lines(), [["ann", evil], ["ann to you", evil]])
        self.assertEqual(cat.page.ask("typeof hit"), "undefined")
        made = cat.page.ask("document.querySelectorAll('#log img, #log script').length")
        self.assertEqual(made, 0)

    def test_the_page_tells_what_is_wrong(self):
        guest = Guest(self.browser, self.address, "two words")
        self.addCleanup(guest.page.close)
        guest.wait_outside("a name has letters, digits, - and _, up to 32 bytes")
        guest.submit("name", "cat")
        guest.wait_inside()

        guest.say("x" * 1001)

        guest.page.wait("document.getElementById('problem').textContent === "
                        "'a line is 1 to 1000 bytes, nothing invisible'")
        guest.say("x" * 1000)
        guest.wait_for("cat", "x" * 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)

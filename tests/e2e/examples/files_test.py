"""Files that travel in chunks, and what is left where when they do not arrive."""
import json
import os
import pty
import re
import signal
import subprocess
import unittest

from relay import Relay
from testbed import ENVIRONMENT, EXAMPLES, PATIENCE, ExampleTest, wait_until

CHUNK = 64 * 1024
MIB = 1024 * 1024
CLIENT = EXAMPLES / "files/file_client"


class Files(ExampleTest):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "store"
        self.store.mkdir()

    def serve(self, *limits, address="127.0.0.1:0"):
        self.server = self.start("files/file_server", "store", *limits, "--listen", address)
        self.address = self.server.address()

    def make(self, name, size):
        data = os.urandom(size)
        (self.folder / name).write_bytes(data)
        return data

    def client(self, *words, address=None):
        return self.run_to_end(CLIENT, address or self.address, *words, "--log-level", "error")

    def upload(self, path, name, **how):
        return self.client("upload", path, name, **how)

    def assert_done(self, done, *lines):
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for line in lines:
            self.assertRegex(done.stdout, line)

    def assert_refused(self, done, reason):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(reason, done.stderr)

    def interrupt(self, bytes_max=5 * MIB, name="big"):
        """A client in the middle of an upload of 20 MiB, which comes no further."""
        data = self.make("big", 20 * MIB)
        relay = Relay(self.address, bytes_max, stall=True)
        client = subprocess.Popen([CLIENT, relay.address, "upload", "big", name], cwd=self.folder,
                                  stdout=subprocess.DEVNULL, env=ENVIRONMENT)

        def kill():
            client.kill()
            client.wait(PATIENCE)
            relay.close()
        self.addCleanup(kill)
        self.assertTrue(relay.stopped.wait(PATIENCE))
        return data, kill

    def assert_only_a_part(self, name="big"):
        self.assertEqual(os.listdir(self.store), [f".{name}.part"])

    # ---- whole files

    def test_of_every_size_come_back_as_they_went(self):
        self.serve()
        for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * MIB):
            with self.subTest(size=size):
                data = self.make("here", size)
                self.assert_done(self.upload("here", f"f{size}"), "uploaded")
                self.assertEqual((self.store / f"f{size}").read_bytes(), data)
                self.assert_done(self.client("download", f"f{size}", f"back{size}"), "downloaded")
                self.assertEqual((self.folder / f"back{size}").read_bytes(), data)
        self.assertEqual([n for n in os.listdir(self.store) if n.startswith(".")], [])

    def test_take_the_place_of_older_ones_at_once(self):
        self.serve()
        self.make("here", 3 * CHUNK)
        self.assert_done(self.upload("here", "f"))
        data = self.make("here", CHUNK)
        self.assert_done(self.upload("here", "f"))
        self.assertEqual((self.store / "f").read_bytes(), data)

    def test_show_their_progress_in_a_terminal_and_only_there(self):
        self.serve()
        self.make("here", MIB)
        self.assertEqual(self.upload("here", "f").stdout, "f: uploaded\n")
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        client = subprocess.Popen([CLIENT, self.address, "upload", "here", "f"], stdout=its,
                                  cwd=self.folder, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        os.close(its)
        shown = b""
        while b"uploaded" not in shown:
            shown += os.read(ours, 4096)
        self.assertEqual(client.wait(PATIENCE), 0)
        self.assertRegex(shown.decode(),
                         r"\rf  1\.0 of 1\.0 MiB  100 %  [0-9.]+ MiB/s.*\r\nf: uploaded")

    # ---- interrupted ones

    def test_go_on_by_themselves_when_the_link_was_cut(self):
        self.serve()
        data = self.make("big", 20 * MIB)
        for words in (("upload", "big", "copy"), ("download", "copy", "back")):
            relay = Relay(self.address, 5 * MIB)
            self.addCleanup(relay.close)
            done = self.client(*words, address=relay.address)
            self.assert_done(done, r"again in \d+ ms", f"resuming at [1-9]\\d+ of {20 * MIB}")
        self.assertEqual((self.store / "copy").read_bytes(), data)
        self.assertEqual((self.folder / "back").read_bytes(), data)

    def test_of_a_killed_client_leave_a_part_that_the_next_one_takes_up(self):
        self.serve()
        data, kill = self.interrupt()
        self.assert_only_a_part()

        kill()
        done = wait_until(lambda: self.taken("big"), "the lock is free")

        self.assert_done(done, f"resuming at [1-9]\\d+ of {20 * MIB}", "uploaded")
        self.assertEqual((self.store / "big").read_bytes(), data)
        self.assertEqual(os.listdir(self.store), ["big"])

    def taken(self, name):
        """An upload; None while the server has not noticed yet that the one before has ended."""
        done = self.upload("big", name)
        return None if "file.busy" in done.stderr else done

    def test_of_a_killed_server_go_on_when_it_is_back(self):
        self.serve()
        data, kill = self.interrupt()

        self.server.end(signal.SIGKILL)
        self.assert_only_a_part()
        kill()
        self.serve(address=self.address)

        self.assert_done(self.upload("big", "big"), "resuming at [1-9]", "uploaded")
        self.assertEqual((self.store / "big").read_bytes(), data)

    def test_that_were_downloaded_in_part_are_not_called_by_their_name(self):
        self.serve()
        data = self.make("big", 20 * MIB)
        self.assert_done(self.upload("big", "f"))
        relay = Relay(self.address, 5 * MIB, stall=True)
        self.addCleanup(relay.close)
        client = subprocess.Popen([CLIENT, relay.address, "download", "f", "back"],
                                  cwd=self.folder, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        self.assertTrue(relay.stopped.wait(PATIENCE))
        client.kill()
        client.wait(PATIENCE)
        self.assertFalse((self.folder / "back").exists())

        self.assert_done(self.client("download", "f", "back"), "resuming at [1-9]", "downloaded")
        self.assertEqual((self.folder / "back").read_bytes(), data)

    def test_whose_part_is_of_another_file_are_refused_once_and_begin_anew(self):
        self.serve()
        (self.store / ".f.part").write_bytes(b"x" * 70000)
        data = self.make("here", 3 * CHUNK)
        self.assert_refused(self.upload("here", "f"), "files.checksum")
        self.assertEqual(os.listdir(self.store), [])
        self.assert_done(self.upload("here", "f"))
        self.assertEqual((self.store / "f").read_bytes(), data)

    def test_whose_part_is_too_long_begin_anew(self):
        self.serve()
        (self.store / ".f.part").write_bytes(b"x" * 70000)
        data = self.make("here", CHUNK)
        done = self.upload("here", "f")
        self.assert_done(done)
        self.assertNotIn("resuming", done.stdout)
        self.assertEqual((self.store / "f").read_bytes(), data)

    def test_are_given_up_when_there_is_no_server(self):
        self.serve()
        self.make("here", 1)
        self.server.end()
        done = self.upload("here", "f")
        self.assert_refused(done, "dial")
        self.assertEqual(done.stdout.count("again in"), 7)

    # ---- refused ones

    def test_with_hostile_names_are_refused_and_touch_nothing(self):
        self.serve()
        self.make("here", 10)
        (self.folder / "secret").write_text("secret", encoding="utf-8")
        for name in ("../secret", "..", ".", "/etc/passwd", "a/b", ".hidden", ".f.part", "a\tb",
                     "a\nb", "a\x1b[2Jb", "a\x7f", "a\u0085b", "n" * 201, ""):
            with self.subTest(name=name):
                self.assert_refused(self.upload("here", name), "business (1001)")
                self.assert_refused(self.client("download", name, "back"), "business (1001)")
        self.assertEqual(os.listdir(self.store), [])
        self.assertEqual((self.folder / "secret").read_text(encoding="utf-8"), "secret")
        for name in ("a..b", "n" * 200, "Füße 1.txt"):
            self.assert_done(self.upload("here", name))

    def test_that_are_links_pipes_or_folders_are_not_followed(self):
        self.serve()
        self.make("here", 10)
        (self.folder / "secret").write_text("secret", encoding="utf-8")
        (self.store / "link").symlink_to(self.folder / "secret")
        (self.store / ".f.part").symlink_to(self.folder / "secret")
        (self.store / "folder").mkdir()
        os.mkfifo(self.store / "pipe")
        for name in ("link", "folder", "pipe", "none"):
            self.assert_refused(self.client("download", name, "back"), "file.")
        self.assert_refused(self.upload("here", "f"), "file.failed")
        self.assertEqual((self.folder / "secret").read_text(encoding="utf-8"), "secret")
        self.assertFalse((self.folder / "back").exists())

    def test_of_one_name_are_sent_by_one_at_a_time(self):
        self.serve()
        self.interrupt(name="f")
        self.make("here", 10)
        self.assert_refused(self.upload("here", "f"), "file.busy")
        self.assert_done(self.upload("here", "g"))
        self.assertEqual(sorted(os.listdir(self.store)), [".f.part", "g"])

    def test_above_the_limit_are_refused(self):
        self.serve("--file-bytes-max", str(CHUNK))
        self.make("here", CHUNK + 1)
        self.assert_refused(self.upload("here", "f"), "files.too_large")
        self.assertEqual(os.listdir(self.store), [])
        self.make("here", CHUNK)
        self.assert_done(self.upload("here", "f"))

    def test_are_open_in_a_limited_number(self):
        self.serve("--transfers-max", "1")
        self.interrupt()
        self.make("here", 10)
        self.assert_refused(self.upload("here", "f"), "files.too_many")

    def test_that_nobody_goes_on_with_make_room(self):
        self.serve("--transfers-max", "1", "--idle-seconds", "0")
        self.interrupt()
        self.make("here", 10)
        self.assert_done(self.upload("here", "big"))  # the very name that was locked

    def test_of_others_cannot_be_written_or_closed(self):
        self.serve()
        self.interrupt()
        for method, body in (("write", {"transfer": 1, "data": "eA=="}), ("close", {"transfer": 1}),
                             ("read", {"transfer": 1})):
            error = self.call(self.address, f"/files/{method}", json.dumps(body))[1]["error"]
            self.assertEqual((error["code"], error["reason"]), (404, "files.no_transfer"), method)

    def test_need_a_connection(self):
        self.serve()
        for method, body in (("upload", '{"name":"f","bytes":1}'), ("download", '{"name":"f"}')):
            status, _, told = self.curl(f"{self.address}/files/{method}", "--json", body)
            self.assertEqual((status, json.loads(told)["reason"]), (412, "files.no_connection"))
        self.assertEqual(os.listdir(self.store), [])

    def test_programs_tell_their_usage_and_end_in_order(self):
        for name in ("files/file_server", "files/file_client"):
            self.assert_tells_its_usage(name)
        self.serve()
        self.assertEqual(self.server.end(), 0)
        none = self.run_to_end(EXAMPLES / "files/file_server", "nowhere")
        self.assertEqual((none.returncode, none.stderr),
                         (1, "file_server: 'nowhere' is no folder\n"))
        self.assertTrue(re.search("unknown option '--sizes'", self.run_to_end(
            EXAMPLES / "files/file_server", "store", "--sizes", "1").stderr))


if __name__ == "__main__":
    unittest.main(verbosity=2)

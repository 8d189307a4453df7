#!/usr/bin/env python3
"""Types what the page about one port tells, and compares what is printed."""
import json
import os
import re
import subprocess

from guide_testbed import OPTIONS, GuideTest, blocks, free_address, main, read_page

PAGE = "04-one-port.md"
PROGRAM = "build/release/examples/math/demo_service"
WRITTEN_ADDRESS = "127.0.0.1:9090"
# What a browser has and Debian's node has not: WebSocket, whose messages are Blobs. Ends with the
# first line that the page's lines print.
BROWSER = """
const Plain = require('ws');
globalThis.WebSocket = class extends Plain {
  set onmessage(hear) { super.onmessage = (event) => hear({data: new Blob([event.data])}); }
};
const print = console.log;
console.log = (line) => { print(line); process.exit(0); };
"""


class OnePort(GuideTest):
    example = "one_port"

    def setUp(self):
        super().setUp()
        (self.folder / "build").unlink()  # the page's folder is the clone
        program = self.folder / PROGRAM
        program.parent.mkdir(parents=True)
        program.symlink_to(OPTIONS.demo_service.resolve())
        self.page = read_page(PAGE)
        certificate, start = re.fullmatch(rf"(openssl .*?)\n({PROGRAM} --listen .*)\n",
                                          blocks(self.page, "sh")[0], re.S).groups()
        self.start_line = start.replace("\\\n", "")
        made = self.run_command(certificate)
        self.assertEqual(made.returncode, 0, made.stderr)

    def divide(self, address, *options):
        return f"fairlead call {address} /math/divide '{{\"a\":10,\"b\":2}}' {' '.join(options)}"

    def start_as_shown(self):
        server = self.start(*self.start_line.replace(WRITTEN_ADDRESS, self.address).split())
        self.wait_until(self.divide(self.address))
        return server

    def test_prints_what_the_page_shows(self):
        server = self.start_as_shown()
        self.assert_prints_what_is_shown(self.page, WRITTEN_ADDRESS, 6)
        self.assert_ends_in_order(server)

    def test_answers_the_browser_as_the_page_shows(self):
        self.start_as_shown()
        (lines,) = blocks(self.page, "js")
        script = BROWSER + lines.replace(WRITTEN_ADDRESS, self.address)
        done = subprocess.run([OPTIONS.node, "-e", script], capture_output=True, text=True,
                              timeout=60, check=True,
                              env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
        self.assertIn('// {"seq":1,"mtype":2,...}', lines)
        self.assertTrue(done.stdout.startswith('{"seq":1,"mtype":2,'), done.stdout)
        self.assertEqual(json.loads(json.loads(done.stdout)["body"]), {"quotient": 5})

    def test_listens_as_the_file_of_the_page_says(self):
        (written,) = blocks(self.page, "yaml")
        at = {port: free_address() for port in re.findall(r"//:(\d+)", written)}
        text = re.sub(r"//:(\d+)", lambda found: f"//{at[found.group(1)]}", written)
        (self.folder / "math.yaml").write_text(text, encoding="utf-8")
        server = self.start(PROGRAM, *self.start_line.split()[3:])  # without --listen
        self.wait_until(self.divide(at["9090"]))
        name = {port: f"localhost:{where.rpartition(':')[2]}" for port, where in at.items()}
        trust = "--tls-ca server.pem"
        curl = "curl -sf --max-time 10 --cacert server.pem -o answer"

        for works in (self.divide("tls://" + name["9090"], trust),
                      f"{curl} http://{at['9090']}/math/who",
                      f"{curl} https://{name['9090']}/math/who",
                      self.divide(at["9091"], "--protocol json"),
                      f"{curl} http://{at['9091']}/math/who",
                      self.divide(at["9092"]),
                      self.divide(at["9093"]),
                      self.divide("tls://" + name["9443"], trust),
                      f"{curl} https://{name['8443']}/math/who",
                      f"{curl} http://{at['9094']}/math/who"):
            with self.subTest(works=works):
                done = self.run_command(works)
                self.assertEqual(done.returncode, 0, done.stderr)
        for refused in (self.divide(at["9091"], "--timeout 2s"),
                        f"{curl} http://{at['9092']}/math/who",
                        f"{curl} https://{name['9093']}/math/who",
                        self.divide(at["9443"], "--timeout 2s"),
                        f"{curl} http://{at['8443']}/math/who"):
            with self.subTest(refused=refused):
                self.assertNotEqual(self.run_command(refused).returncode, 0)

        self.assert_ends_in_order(server)


if __name__ == "__main__":
    main()

"""The servers of `./dev bench http`, and the client that asks them. Loopback, one CPU."""
import contextlib
import dataclasses
import shutil
from pathlib import Path

import runs

CLIENT = "http_load_client"
KINDS = ("get", "post", "json", "socket", "tcp")
# One process, one thread, nothing written per request, connections that stay open.
NGINX = """daemon off; master_process off; error_log stderr crit; pid {folder}/pid;
worker_rlimit_nofile 25000;
events {{ worker_connections 24000; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}
}}
"""


@dataclasses.dataclass(frozen=True)
class Kind:
    title: str
    command: tuple  # {port} and {folder} are filled in
    asked: tuple    # kinds of requests


SERVERS = {
    "fairlead": Kind("**Fairlead, http::Server**", ("fairlead_http_server", "{port}"),
                     ("get", "post", "socket")),
    "fairlead-call": Kind("**Fairlead, JSON call**", ("fairlead_call_server", "{port}", "http"),
                          ("json",)),
    "fairlead-port": Kind("**Fairlead, JSON call at the one port**",
                          ("fairlead_call_server", "{port}", "tcp"), ("json",)),
    "nginx": Kind("nginx, `return 200`", ("nginx", "-c", "{folder}/nginx.conf"),
                  ("get", "post", "json")),
    "floor": Kind("floor by hand", ("floor_server", "{port}"), ("get", "post", "json")),
    "floor-tcp": Kind("bare TCP echo", ("floor_server", "{port}", "--tcp"), ("tcp",)),
}


def usable():
    found = list(SERVERS)
    if nginx_program() is None:
        print("left out: nginx; ./dev setup bench installs it")
        found.remove("nginx")
    return found


def nginx_program():
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def cells(names):
    """(server, kind) in the order of the tables."""
    return [(name, kind) for kind in KINDS for name in names if kind in SERVERS[name].asked]


class Server(runs.Server):
    """`around`: a tool that it runs under."""

    def __init__(self, folder, name, cpu, around=()):
        self.prepare()
        places = {"port": self.port, "folder": self.folder.name}
        program, *options = (part.format(**places) for part in SERVERS[name].command)
        if program == "nginx":
            program = nginx_program()
            configuration = Path(self.folder.name) / "nginx.conf"
            configuration.write_text(NGINX.format(**places), encoding="utf-8")
        else:
            program = str(folder / program)
        self.start([*around, program, *options], (cpu,))


@contextlib.contextmanager
def all_up(folder, names, cpu):
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Server(folder, name, cpu)) for name in names}


def ask(folder, server, kind, connections, cpu, *options, first=()):
    """The client's line of JSON, or None after saying what went wrong."""
    command = [str(folder / CLIENT), *first, "--port", str(server.port), "--spid",
               str(server.process.pid), "--method", kind, "--conns", str(connections), *options]
    return runs.run_client(command, cpu, 310)

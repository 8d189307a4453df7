"""A relay between a client and a server that stops at a byte which the test names."""

import socket
import threading


class Relay:
    """The first connection gets `bytes_max` bytes through, both ways together; then it is cut, or
    just stands still (`stall`). Later ones are passed on whole."""

    def __init__(self, target, bytes_max, stall=False):
        host, _, port = target.rpartition(":")
        self.target = (host, int(port))
        self.left = bytes_max
        self.stall = stall
        self.stopped = threading.Event()  # the byte has come
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        first = True
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target, timeout=10)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            self.sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink, first), daemon=True).start()
            first = False

    def pump(self, source, sink, limited):
        try:
            while data := source.recv(16384):
                if limited and not self.allow(len(data)):
                    self.stopped.set()
                    if self.stall:
                        return
                    break
                sink.sendall(data)
        except OSError:
            pass
        self.end(source, sink)

    def allow(self, size):
        with self.lock:
            self.left -= size
            return self.left >= 0

    def close(self):
        self.listener.close()
        self.end(*self.sockets)
        for each in self.sockets:
            each.close()

    @staticmethod
    def end(*sockets):
        """Both sides hear it, also while a thread waits for bytes of theirs, unlike by close()."""
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

# SPDX-License-Identifier: MIT
"""A web server for download_test.cpp: serves one file in good and in bad ways on a free port of 127.0.0.1.

usage: serve.py FILE LOG

Prints its port, then serves until its standard input ends, which it does when the test ends, however that comes about.
Writes one line a request to LOG: path, Range header, number of bytes sent.
"""
import http.server
import os
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = self.headers.get("Range", "-")
        sent = getattr(self, "serve_" + self.path.strip("/"), self.serve_missing)(asked)
        with open(sys.argv[2], "a") as log:
            log.write(f"{self.path} {asked} {sent}\n")

    def send(self, data, status=200, length=None, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        return len(data)

    def part(self, asked):
        with open(sys.argv[1], "rb") as file:
            data = file.read()
        if not asked.startswith("bytes="):
            return data, 200, []
        first = int(asked[len("bytes="):].split("-")[0])
        if first >= len(data):
            return b"", 416, [("Content-Range", f"bytes */{len(data)}")]
        return data[first:], 206, [("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")]

    def serve_good(self, asked):
        data, status, headers = self.part(asked)
        return self.send(data, status, headers=headers)

    def serve_cut(self, asked):
        """Promises all and closes the connection half-way."""
        data, status, headers = self.part(asked)
        sent = self.send(data[: len(data) // 2], status, len(data), headers)
        self.close_connection = True
        return sent

    def serve_norange(self, asked):
        """Knows nothing of ranges: sends the whole file, whatever is asked."""
        return self.send(self.part("-")[0])

    def serve_redirect(self, asked):
        return self.send(b"<html>moved</html>", 302, headers=[("Location", "/good")])

    def serve_loop(self, asked):
        return self.send(b"", 302, headers=[("Location", "/loop")])

    def serve_file(self, asked):
        """Tries to lead the client to a file of its own."""
        return self.send(b"", 302, headers=[("Location", "file:///etc/hostname")])

    def serve_stall(self, asked):
        data, status, headers = self.part(asked)
        sent = self.send(data[:10], status, len(data), headers)
        self.wfile.flush()
        time.sleep(30)
        return sent

    def serve_broken(self, asked):
        return self.send(b"<html>oops</html>", 500)

    def serve_missing(self, asked):
        return self.send(b"<html>no such page</html>", 404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.buffer.read()
os._exit(0)

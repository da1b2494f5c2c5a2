"""A page behind HTTP Negotiate, by the system's Python: `SERVER PORT` is a program for a guest with a keytab.

Path /: a login, as mod_auth_gssapi does it. /open: shown to everybody. /basic: wants a password.
"""

SERVER = """\
import base64, http.server, sys
import gssapi
gssapi.SecurityContext.__DEFER_STEP_ERRORS__ = False  # or an error hides behind its token

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, offer = self.judged()
        self.send_response(status)
        if offer:
            self.send_header("WWW-Authenticate", offer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def judged(self):
        if self.path != "/":
            return (200, None) if self.path == "/open" else (401, "Basic realm=x")
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Negotiate":
            return 401, "Negotiate"
        context = gssapi.SecurityContext(usage="accept")
        try:
            answer = context.step(base64.b64decode(token))
        except gssapi.exceptions.GSSError as error:
            print(error, flush=True)
            said = error.token
            return 401, "Negotiate" + (" " + base64.b64encode(said).decode() if said else "")
        return 200, "Negotiate " + base64.b64encode(answer).decode()

server = http.server.HTTPServer(("0.0.0.0", int(sys.argv[1])), Page)
print("listening", flush=True)
server.serve_forever()
"""

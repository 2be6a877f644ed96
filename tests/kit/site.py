"""A web site that a test writes by hand, byte by byte, and that notes what it was asked."""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    local: str
    """The address that the connection was made to."""


Page = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """``pages`` are whole HTTP answers by path, or what writes one; other paths are answered with what was asked."""

    port: int = 0
    pages: dict[str, bytes | Page] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has gone while a page was being sent, or held."""

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append(
                Asked(method, path, headers, body, writer.get_extra_info("sockname")[0].removeprefix("::ffff:"))
            )
            page = self.pages.get(path.partition("?")[0])
            if callable(page):
                await page(reader, writer)
                return
            sent = page if page is not None else answer(json.dumps({"path": path}).encode())
            writer.write(sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else sent)
            await writer.drain()
            if page is not None and page.startswith(HELD):
                await reader.read()
                self.left.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()


#: A page that begins so is never finished.
HELD = b"HTTP/1.1 200 Held\r\n"


def answer(body: bytes = b"", status: int = 200, content_type: str = "application/json", **headers: str) -> bytes:
    """A whole HTTP answer; underscores in names of headers stand for hyphens."""
    lines = {"content-type": content_type, "content-length": len(body), "connection": "close", **headers}
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{text}\r\n".encode() + body


@asynccontextmanager
async def site(*, everywhere: bool = False, tls=None):
    """A running Site, on this machine's first address or on all that it has."""
    made = Site()
    both = everywhere and socket.has_dualstack_ipv6()
    listening = socket.create_server(
        ("" if everywhere else "127.0.0.1", 0),
        family=socket.AF_INET6 if both else socket.AF_INET,
        dualstack_ipv6=both,
    )
    made.port = listening.getsockname()[1]
    async with await asyncio.start_server(made.client, sock=listening, ssl=tls):
        yield made


def certified(name, folder):
    """TLS for a server with a certificate of its own for *name*, for a client that trusts it, and the names asked."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + public)
    server, client, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(), []
    server.load_cert_chain(folder / "both.pem")
    server.sni_callback = lambda _socket, asked, _context: seen.append(asked)
    client.load_verify_locations(cadata=public.decode())
    return server, client, seen

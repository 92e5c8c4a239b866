"""The probes against real sockets, real certificates and a real relay; each failure with the real thing broken."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agentd import probes
from tests.fakes.relay_process import relay_process


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that is taken, and at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def make_certificate(folder: Path, *, days: int) -> tuple[Path, Path]:
    """A certificate for localhost that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=60))
        .not_valid_after(now() + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(kind, form, serialization.NoEncryption()))
    return certificate, secret


@asynccontextmanager
async def encrypted(certificate: Path, key: Path) -> AsyncIterator[str]:
    """The origin of a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(greet, "localhost", 0, family=socket.AF_INET, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


async def test_an_address_at_which_nothing_listens() -> None:
    with closed_port() as port:
        reached = await probes.reach_address(f"http://127.0.0.1:{port}")
    assert reached.error == "nothing listens at that port"


async def test_a_name_that_nobody_knows() -> None:
    reached = await probes.reach_address("https://no-such-relay.invalid")
    assert "DNS" in reached.error


async def test_silence_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROBE_SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        reached = await probes.reach_tls(f"https://127.0.0.1:{silent.getsockname()[1]}")
    assert reached is not None
    assert "no answer within" in reached.error


async def test_a_proxy_is_named_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        port = proxy.getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://ada:pass@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        reached = await probes.reach_address("https://relay.invalid")
        assert (reached.error, reached.through_proxy) == ("", f"127.0.0.1:{port}")
        assert await probes.reach_tls("https://relay.invalid") is None


async def test_a_certificate_tells_when_it_ends(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, days=9)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with encrypted(certificate, key) as origin:
        reached = await probes.reach_tls(origin, trusting)
        stranger = await probes.reach_tls(origin)
    assert reached is not None
    assert reached.error == ""
    assert reached.certificate_end is not None
    assert timedelta(days=8) < reached.certificate_end - now() <= timedelta(days=9)
    assert stranger is not None
    assert "self" in stranger.error


async def test_a_certificate_that_has_ended(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, days=-1)
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with encrypted(certificate, key) as origin:
        reached = await probes.reach_tls(origin, trusting)
    assert reached is not None
    assert reached.error == "certificate has expired"


async def test_a_relay_shows_its_card_and_its_port_until_it_stops(tmp_path: Path) -> None:
    async with relay_process(tmp_path / "relay") as relay:
        facts = await probes.read_card(relay.origin, now)
        assert facts.error == ""
        assert (facts.announced_origin, facts.grpc) == (relay.origin, relay.grpc)
        assert facts.version
        assert facts.relay_time is not None
        assert abs(facts.relay_time - now()) < timedelta(seconds=60)
        assert (await probes.reach_grpc(relay.grpc, encrypted=False)).error == ""
    assert (await probes.read_card(relay.origin, now)).error
    assert (await probes.reach_address(relay.origin)).error == "nothing listens at that port"


async def test_a_grpc_port_at_which_nothing_listens() -> None:
    with closed_port() as port:
        assert "nothing listens" in (await probes.reach_grpc(f"127.0.0.1:{port}", encrypted=False)).error
    assert "does not announce" in (await probes.reach_grpc("", encrypted=True)).error


async def test_a_web_server_that_is_no_relay() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n<p>hi</p>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await probes.read_card(origin, now)).error
        # Any answer is enough for a provider: none is asked for anything.
        assert (await probes.reach_provider(origin)).error == ""


async def test_a_provider_that_is_gone() -> None:
    with closed_port() as port:
        reached = await probes.reach_provider(f"http://127.0.0.1:{port}")
    assert "no connection" in reached.error


def test_room_is_told_also_for_a_folder_that_is_to_be_made(tmp_path: Path) -> None:
    assert probes.free_bytes(tmp_path / "not" / "yet") > 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert probes.look_at(tmp_path / "nothing").mode is None
    assert probes.look_at(tmp_path).owned

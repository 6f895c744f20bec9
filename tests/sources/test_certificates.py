"""Proxies and certificates: what plain Keras can download through, we can; a refused certificate is said to be one."""

import shutil
import ssl
import subprocess
import urllib.request

from data_fixtures import IMAGES, TEST_LABELS, listing, make_world
from fashion_utils import data
from fashion_utils.sources import finding, mirrors
from mirror_server import Mirror, Proxy
import pytest

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make certificates")
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def openssl(*arguments, folder):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_certificates(folder, careful):
    """Write an authority as a school's proxy has one, ca.pem, and a server's certificate and key, server.pem.

    One that is not careful says nothing of what its key may be used for, which Python 3.13 does not like.
    """
    folder.mkdir()
    says = "basicConstraints = critical, CA:TRUE\n" + "keyUsage = critical, keyCertSign\n" * careful
    says += "subjectKeyIdentifier = hash\n"
    (folder / "ca.cnf").write_text(f"[req]\ndistinguished_name = name\nx509_extensions = ca\n[name]\n[ca]\n{says}")
    names = "subjectAltName = DNS:mirror.test, IP:127.0.0.1\nauthorityKeyIdentifier = keyid\n"
    (folder / "server.ext").write_text(names)
    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(
        *(*new, "-x509", "-days", "30", "-config", "ca.cnf", "-subj", "/CN=School proxy"),
        *("-keyout", "ca.key", "-out", "ca.pem"),
        folder=folder,
    )
    openssl(*new, "-subj", "/CN=mirror.test", "-keyout", "server.key", "-out", "server.csr", folder=folder)
    openssl(
        *("x509", "-req", "-in", "server.csr", "-days", "30", "-extfile", "server.ext"),
        *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt"),
        folder=folder,
    )
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with what `make_certificates` makes, a careless one's in careless/, a store, and an empty file."""
    folder = tmp_path_factory.mktemp("certificates") / "careful"
    make_certificates(folder, careful=True)
    make_certificates(folder / "careless", careful=False)
    store = folder / "store"  # as a Linux system's: files named after the hash of the name
    store.mkdir()
    hashed = openssl("x509", "-hash", "-noout", "-in", "ca.pem", folder=folder)
    shutil.copy(folder / "ca.pem", store / f"{hashed.strip()}.0")
    (folder / "empty").write_text("no certificate\n")
    return folder


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The tiny files as the originals, required; no proxy, and no word in the environment on whom to trust."""
    made = make_world(tmp_path, monkeypatch)
    monkeypatch.setenv("FASHION_DATA", "real")
    for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    return made


def keras_can(url):
    """Whether urllib, by which Keras downloads, gets something, in a process that starts like this."""
    try:
        return urllib.request.build_opener().open(url, timeout=5).status == 200
    except OSError:
        return False


def test_a_refused_certificate_is_said_to_be_one(world, monkeypatch, certificates):
    server = certificates / "server.pem"
    with Mirror(world.contents, certificate=server) as one, Mirror(world.contents, certificate=server) as other:
        monkeypatch.setattr(finding, "MIRRORS", (one.url, other.url))
        assert not keras_can(one.url + IMAGES)
        with pytest.raises(data.DataError) as caught:
            data.source()
    message = str(caught.value)
    assert message.count("its certificate is refused, ") == 2 and message.count("set SSL_CERT_FILE to a file with") == 1
    assert "there is no such file" not in message and "check the date" not in message
    assert message.endswith("; try again, or " + finding.how_to_get_it() + ".")
    assert not world.cache.exists() and one.requested == []


def test_a_setting_that_leads_nowhere_is_named(world, tmp_path, monkeypatch, certificates):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    with Mirror(world.contents, certificate=certificates / "server.pem") as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        with pytest.raises(data.DataError, match=r"set SSL_CERT_FILE .*\(now it is .*nowhere.pem, and there is no "):
            data.source()


@pytest.mark.parametrize("said", ["certificate has expired", "certificate is not yet valid"])
def test_a_wrong_date_is_told_from_an_unknown_authority(said):
    error = ssl.SSLCertVerificationError()
    error.verify_message = said
    assert mirrors._reason(urllib.request.URLError(error)) == f"its certificate is refused, {said}"
    assert mirrors._remedy(urllib.request.URLError(error)).startswith("check the date of this machine")


@pytest.mark.parametrize(
    ("variable", "value", "keras"),
    [
        ("SSL_CERT_FILE", "ca.pem", True),
        ("SSL_CERT_DIR", "store", True),  # how OpenSSL finds the store of a Linux system
        ("SSL_CERT_FILE", "server.crt", None),  # the server's own; Keras trusts it by Python 3.13
        ("REQUESTS_CA_BUNDLE", "ca.pem", False),
        ("REQUESTS_CA_BUNDLE", "store", False),
        ("CURL_CA_BUNDLE", "ca.pem", False),
    ],
)
def test_whoever_is_trusted_by_a_setting_is_trusted(world, monkeypatch, certificates, variable, value, keras):
    monkeypatch.setenv(variable, str(certificates / value))
    with Mirror(world.contents, certificate=certificates / "server.pem") as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        assert keras in (None, keras_can(mirror.url + TEST_LABELS))
        assert data.source().origin == "downloaded"
    assert listing(world.cache) == world.contents


@pytest.mark.parametrize("value", ["nowhere", "empty", "server.key"])
def test_a_bundle_that_is_none_stands_in_nobodys_way(world, monkeypatch, certificates, value):
    """Plain Keras does not look at it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / value))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    with Mirror(world.contents, certificate=certificates / "server.pem") as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        assert data.source().origin == "downloaded"


def test_more_is_trusted_than_any_of_them_alone(monkeypatch, certificates):
    """The system's store, certifi's and what a setting names add up; nothing else is trusted."""
    import certifi

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    before = mirrors._trusted()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    context = mirrors._trusted()
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    only_certifi = ssl.create_default_context(cafile=certifi.where())
    known = {str(authority) for authority in context.get_ca_certs()}
    assert {str(authority) for authority in (*before.get_ca_certs(), *only_certifi.get_ca_certs())} < known
    assert any("School proxy" in authority for authority in known)


def test_a_store_that_cannot_be_loaded_is_no_traceback(world, monkeypatch, certificates):
    """Imitates a store of Windows' with a certificate that OpenSSL cannot read."""

    def fail(context, purpose=ssl.Purpose.SERVER_AUTH):
        raise ssl.SSLError("[ASN1] nested asn1 error")

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", fail)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with Mirror(world.contents, certificate=certificates / "server.pem") as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        assert data.source().origin == "downloaded"


def test_an_authority_that_python_3_13_finds_careless_is_trusted(world, monkeypatch, certificates):
    """Imitates Python 3.13, whose default context has VERIFY_X509_STRICT."""
    careless = certificates / "careless"
    strict = ssl.create_default_context(cafile=careless / "ca.pem")
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    monkeypatch.setattr(ssl, "create_default_context", lambda *arguments, **options: strict)
    monkeypatch.setenv("SSL_CERT_FILE", str(careless / "ca.pem"))
    with Mirror(world.contents, certificate=careless / "server.pem") as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(mirror.url + TEST_LABELS, timeout=5, context=strict)
        assert data.source().origin == "downloaded"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_inspects(world, monkeypatch, certificates, variable):
    """A host that is nowhere but behind the proxy, with the certificate that the proxy shows in its place."""
    with Mirror(world.contents, certificate=certificates / "server.pem") as mirror, Proxy(mirror.port) as proxy:
        url = "https://mirror.test/"
        monkeypatch.setattr(finding, "MIRRORS", (url,))
        monkeypatch.setenv(variable, proxy.url)
        with pytest.raises(data.DataError, match=r"\(mirror.test: its certificate is refused, "):
            data.source()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
        assert keras_can(url + TEST_LABELS) or variable == "ALL_PROXY"
        assert data.source().origin == "downloaded"
    assert set(proxy.connected) == {"mirror.test:443"}
    assert listing(world.cache) == world.contents


def test_a_proxy_that_refuses_is_quoted(world, monkeypatch, certificates):
    with Proxy(9, refusal="407 Proxy Authentication Required") as proxy:
        monkeypatch.setattr(finding, "MIRRORS", ("https://mirror.test/",))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(data.DataError, match=r"\(mirror.test: Tunnel connection failed: 407 Proxy Authentication"):
            data.source()


@pytest.mark.parametrize("value", ["http://[", "http://127.0.0.1:many", "http://127.0.0.1:99999", "socks5://[::1]:9"])
def test_a_proxy_that_is_none_is_no_traceback(world, monkeypatch, value):
    monkeypatch.setattr(finding, "MIRRORS", ("https://mirror.test/",))
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(data.DataError, match=r"no mirror delivered .* \(mirror\.test: "):
        data.source()


def test_no_proxy_is_asked_for_hosts_that_need_none(world, monkeypatch):
    with Mirror(world.contents) as mirror:
        monkeypatch.setattr(finding, "MIRRORS", (mirror.url,))
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")  # which neither Keras nor we can use
        assert mirrors._proxies() == {}
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with pytest.raises(data.DataError, match="refused"):
            data.source()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert data.source().origin == "downloaded"

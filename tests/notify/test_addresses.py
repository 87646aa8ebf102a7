"""Where a tenant's webhook may go: public addresses, however the address is spelt."""

from ipaddress import IPv4Address, IPv6Address

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.spellings import INSIDE, LOOPBACK_SPELLINGS
from tripmeter.model.addresses import check_url, host_refusal, refusal
from tripmeter.notify.addresses import AddressRefused, GuardedNetwork, HostUnknown

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


class TestRefusal:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_public_addresses_pass(self, address: str) -> None:
        assert refusal(address) is None

    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("169.254.169.254", "link_local"),
            ("fe80::1", "link_local"),
            ("fe80::1%eth0", "link_local"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("ff02::1", "multicast"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("192.168.1.1", "private"),
            ("fd00:ec2::254", "private"),
            ("fc00::1", "private"),
            ("168.63.129.16", "cloud_platform"),
            ("100.64.0.1", "not_public"),
            ("100.100.100.200", "not_public"),
            ("240.0.0.1", "not_public"),
            ("255.255.255.255", "not_public"),
            ("192.88.99.1", "not_public"),
            ("fec0::1", "not_public"),
            ("3fff::1", "not_public"),
            ("", "not_an_address"),
            ("example.com", "not_an_address"),
        ],
    )
    def test_others_are_refused_with_a_named_reason(self, address: str, reason: str) -> None:
        assert refusal(address) == reason

    @pytest.mark.parametrize(
        "address",
        [
            "0.1.2.3",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "2001:db8::1",
            "64:ff9b:1::1",
            "100::1",
        ],
    )
    def test_special_purpose_blocks_are_refused(self, address: str) -> None:
        assert refusal(address)

    @pytest.mark.parametrize(
        "wrapped",
        [
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::1",
        ],
    )
    def test_an_ipv4_address_inside_an_ipv6_one_is_what_counts(self, wrapped: str) -> None:
        assert refusal(wrapped) == "private"

    @pytest.mark.parametrize("wrapped", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"])
    def test_a_public_one_inside_passes(self, wrapped: str) -> None:
        assert refusal(wrapped) is None

    @pytest.mark.parametrize(
        "address", ["2001:0:808:808::f7f7:f7f7", "2001:0:7f00:1::80ff:fffe", "::127.0.0.1"]
    )
    def test_teredo_and_the_old_compatible_form_are_refused_whole(self, address: str) -> None:
        assert refusal(address)

    @given(st.ip_addresses(v=4))
    def test_wrapping_never_turns_a_refused_address_into_a_public_one(
        self, address: IPv4Address
    ) -> None:
        plain = refusal(str(address))
        nat64 = IPv6Address("64:ff9b::").packed[:12] + address.packed
        assert refusal(f"::ffff:{address}") == plain
        assert refusal(str(IPv6Address(nat64))) == plain

    @given(st.ip_addresses())
    def test_whatever_passes_is_global(self, address: IPv4Address | IPv6Address) -> None:
        if refusal(str(address)) is None and isinstance(address, IPv4Address):
            assert address.is_global
            assert not address.is_multicast


class TestUrl:
    @pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
    @pytest.mark.parametrize("form", ["https://{}/hook", "http://{}:8080", "HTTPS://{}?a=b"])
    def test_this_machine_is_refused_in_every_spelling(self, form: str, host: str) -> None:
        problem = check_url(form.format(host), allow_private=False)
        assert problem is not None
        assert "this machine itself" in problem
        assert "Use a public host" in problem

    @pytest.mark.parametrize("host", INSIDE)
    def test_so_is_every_other_private_address(self, host: str) -> None:
        problem = check_url(f"https://{host}/", allow_private=False)
        assert "webhooks go to public addresses only" in str(problem)

    @pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
    def test_self_hosters_may_allow_them(self, host: str) -> None:
        assert check_url(f"http://{host}:8080/hook", allow_private=True) is None

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com",
            "https://example.com/hooks?tenant=1#x",
            "http://example.com:8443/",
            "https://8.8.8.8/",
            "https://134744072/",
            "https://1.1/",
            "https://[2606:4700:4700::1111]:444/",
            "https://localhost.example.com/",
            "https://notlocalhost/",
            "https://1.2.3.4.5/",
            "https://256.1.1.1/",
            "https://08.1.1.1/",
            "https://bücher.example/",
            "https://0x.example/",
        ],
    )
    def test_public_hosts_and_names_are_accepted(self, url: str) -> None:
        assert check_url(url, allow_private=False) is None

    @pytest.mark.parametrize("allow_private", [True, False])
    @pytest.mark.parametrize(
        ("url", "advice"),
        [
            ("", "must start with https://"),
            ("example.com/hook", "must start with https://"),
            ("ftp://example.com/", "must start with https://"),
            ("file:///etc/passwd", "must start with https://"),
            ("gopher://example.com/", "must start with https://"),
            ("https://", "has no host"),
            ("https:///hook", "has no host"),
            ("https://:443/hook", "has no host"),
            ("https://user:secret@example.com/", "leave it out"),
            ("https://user@example.com/", "leave it out"),
            ("https://@example.com/", "leave it out"),
            ("https://example.com:99999/", "check its host and port"),
            ("https://example.com:http/", "check its host and port"),
            ("https://[::1/", "check its host and port"),
            ("https://exa mple.com/", "percent-encode it"),
            ("https://example.com/\r\nX-Evil: 1", "percent-encode it"),
            ("https://example.com\\@127.0.0.1/", "percent-encode it"),
            ("\thttps://example.com/", "percent-encode it"),
        ],
    )
    def test_what_cannot_be_posted_to_is_refused_with_advice(
        self, url: str, advice: str, allow_private: bool
    ) -> None:
        assert advice in str(check_url(url, allow_private))

    @given(st.ip_addresses(v=4))
    def test_all_number_spellings_mean_the_same(self, address: IPv4Address) -> None:
        a, b, c, d = address.packed
        expected = refusal(str(address))
        assert host_refusal(str(int(address))) == expected
        assert host_refusal(hex(int(address))) == expected
        assert host_refusal(f"0{a:o}.0x{b:x}.{c * 256 + d}") == expected

    @given(st.text())
    def test_no_text_is_an_error(self, text: str) -> None:
        check_url(text, allow_private=False)
        check_url(f"https://{text}/", allow_private=False)


class TestGuardedNetwork:
    """The guarantee behind the courtesy: the real resolver, asked by the real connection code."""

    pytestmark = pytest.mark.asyncio

    @pytest.mark.parametrize(
        "host", [spelling.strip("[]") for spelling in (*LOOPBACK_SPELLINGS, *INSIDE)]
    )
    async def test_no_spelling_gets_past_the_resolver(self, host: str) -> None:
        network = GuardedNetwork(allow_private=False)
        with pytest.raises((AddressRefused, HostUnknown)):
            await network.connect_tcp(host, 80, timeout=5)

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::1",
            "2001:0:7f00:1::",
            "::127.0.0.1",
            "fe80::1%lo",
            "169.254.169.254",
            "fd00:ec2::254",
            "0.0.0.0",
            "255.255.255.255",
        ],
    )
    async def test_a_name_that_leads_inside_is_refused_in_every_form(self, address: str) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            return [address]

        network = GuardedNetwork(allow_private=False, resolve=resolve)
        with pytest.raises(AddressRefused):
            await network.connect_tcp("hooks.example", 80, timeout=5)

    async def test_one_private_address_among_public_ones_refuses_the_name(self) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            return ["8.8.8.8", "10.0.0.1"]

        network = GuardedNetwork(allow_private=False, resolve=resolve)
        with pytest.raises(AddressRefused) as refused:
            await network.connect_tcp("hooks.example", 80, timeout=5)
        assert refused.value.reason == "private"
        assert "10.0.0.1" not in str(refused.value)

    @pytest.mark.parametrize("host", ["a" * 64 + ".example", "..", "\udc80.example"])
    async def test_a_name_that_no_resolver_can_take_is_unknown(self, host: str) -> None:
        with pytest.raises(HostUnknown):
            await GuardedNetwork(allow_private=False).connect_tcp(host, 80, timeout=5)

    async def test_a_name_without_addresses_is_unknown(self) -> None:
        async def resolve(host: str, port: int) -> list[str]:
            return []

        network = GuardedNetwork(allow_private=True, resolve=resolve)
        with pytest.raises(HostUnknown):
            await network.connect_tcp("hooks.example", 80)

    async def test_unix_sockets_are_out_of_reach(self) -> None:
        network: httpcore2.AsyncNetworkBackend = GuardedNetwork(allow_private=True)
        with pytest.raises(NotImplementedError):
            await network.connect_unix_socket("/run/docker.sock")

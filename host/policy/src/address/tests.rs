//! Attacks 35 to 45 and cases P1 to P9, P22.

use super::*;

#[track_caller]
fn check(text: &str, expect: AddressClass) {
    let address: IpAddr = text.parse().expect("an address");
    assert_eq!(classify(address), expect, "{text}");
}

fn host(text: &str) -> Host {
    Host::parse(text).expect("a host")
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().expect("an address")).collect()
}

#[track_caller]
fn check_vet(name: &str, list: &[&str], granted: bool, expect: &str) {
    let said = vet(&host(name), &addresses(list), granted).map_or_else(|error| error.to_string(), |()| "ok".to_owned());
    assert_eq!(said, expect, "{name} {list:?}");
}

#[test]
fn a35_a36_p2_special_ranges_of_ipv4() {
    use AddressClass as C;
    for (text, class) in [
        ("127.0.0.1", C::Loopback),
        ("127.255.255.254", C::Loopback),
        ("0.0.0.0", C::Unspecified),
        ("0.1.2.3", C::Reserved),
        ("10.0.0.1", C::Private),
        ("172.16.0.1", C::Private),
        ("172.31.255.255", C::Private),
        ("192.168.1.1", C::Private),
        ("169.254.1.1", C::LinkLocal),
        ("100.64.0.1", C::Shared),
        ("100.127.255.255", C::Shared),
        ("192.0.0.8", C::Reserved),
        ("192.0.2.1", C::Documentation),
        ("198.51.100.7", C::Documentation),
        ("203.0.113.9", C::Documentation),
        ("198.18.0.1", C::Benchmark),
        ("198.19.255.255", C::Benchmark),
        ("224.0.0.1", C::Multicast),
        ("239.255.255.255", C::Multicast),
        ("240.0.0.1", C::Reserved),
        ("255.255.255.254", C::Reserved),
        ("255.255.255.255", C::Broadcast),
        ("169.254.169.254", C::Metadata),
        ("100.100.100.200", C::Metadata),
        ("168.63.129.16", C::Metadata),
        ("169.254.170.2", C::Metadata),
        ("192.0.0.192", C::Metadata),
        ("8.8.8.8", C::Public),
        ("172.15.255.255", C::Public),
        ("172.32.0.0", C::Public),
        ("100.63.255.255", C::Public),
        ("100.128.0.0", C::Public),
        ("198.17.255.255", C::Public),
        ("198.20.0.0", C::Public),
        ("223.255.255.255", C::Public),
        ("1.0.0.0", C::Public),
        ("126.255.255.255", C::Public),
        ("128.0.0.0", C::Public),
    ] {
        check(text, class);
    }
}

#[test]
fn a37_p2_special_ranges_of_ipv6() {
    use AddressClass as C;
    for (text, class) in [
        ("::", C::Unspecified),
        ("::1", C::Loopback),
        ("fc00::1", C::UniqueLocal),
        ("fd00::1", C::UniqueLocal),
        ("fe80::1", C::LinkLocal),
        ("febf::1", C::LinkLocal),
        ("fec0::1", C::Private),
        ("ff02::1", C::Multicast),
        ("100::1", C::Reserved),
        ("2001:db8::", C::Documentation),
        ("3fff::1", C::Documentation),
        ("2001:2::1", C::Benchmark),
        ("2001:10::1", C::Reserved),
        ("2001:20::1", C::Reserved),
        ("5f00::1", C::Reserved),
        ("4000::1", C::Reserved),
        ("64:ff9b:1::808:808", C::Private),
        ("fd00:ec2::254", C::Metadata),
        ("fd20:ce::254", C::Metadata),
        ("2606:4700::1111", C::Public),
        ("2a00:1450:4001::1", C::Public),
        ("2001:4860:4860::8888", C::Public),
    ] {
        check(text, class);
    }
}

#[test]
fn p3_p5_an_ipv4_address_within_an_ipv6_one_counts() {
    use AddressClass as C;
    let forms = |a: u8, b: u8, c: u8, d: u8| {
        let (high, low) = (u16::from(a) << 8 | u16::from(b), u16::from(c) << 8 | u16::from(d));
        [
            format!("::ffff:{high:x}:{low:x}"),
            format!("::{high:x}:{low:x}"),
            format!("::ffff:0:{high:x}:{low:x}"),
            format!("64:ff9b::{high:x}:{low:x}"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("2001:0:4136:e378:8000:63bf:{:x}:{:x}", !high, !low),
            format!("2a00::5efe:{high:x}:{low:x}"),
            format!("2a00::200:5efe:{high:x}:{low:x}"),
        ]
    };
    for (address, class) in [
        ([10, 0, 0, 1], C::Private),
        ([127, 0, 0, 1], C::Loopback),
        ([192, 168, 0, 1], C::Private),
        ([169, 254, 169, 254], C::Metadata),
        ([100, 64, 0, 1], C::Shared),
        ([8, 8, 8, 8], C::Public),
    ] {
        let [a, b, c, d] = address;
        for text in forms(a, b, c, d) {
            check(&text, class);
        }
    }
    check("fe80::5efe:808:808", C::LinkLocal);
    check("fe80::5efe:a9fe:a9fe", C::Metadata);
}

#[test]
fn a40_a41_one_bad_address_refuses_the_set() {
    check_vet("api.example.com", &["93.184.216.34", "2606:4700::1"], false, "ok");
    let refused =
        "`api.example.com` is at 10.0.0.1, a private address, and the operator did not grant this very origin";
    check_vet("api.example.com", &["10.0.0.1"], false, refused);
    check_vet("api.example.com", &["93.184.216.34", "10.0.0.1"], false, refused);
    check_vet("api.example.com", &["10.0.0.1", "93.184.216.34"], false, refused);
    check_vet("api.example.com", &[], false, "`api.example.com` has no address");
    check_vet("10.0.0.1", &["10.0.0.1"], true, "ok");
    check_vet(
        "8.8.8.8",
        &["10.0.0.1"],
        false,
        "`8.8.8.8` is at 10.0.0.1, a private address, and the operator did not grant this very origin",
    );
    check_vet(
        "10.0.0.1",
        &["8.8.8.8"],
        false,
        "`10.0.0.1` is at 10.0.0.1, a private address, and the operator did not grant this very origin",
    );
}

#[test]
fn a43_p5_p9_metadata_is_refused_whoever_grants_it() {
    for (name, list) in [
        ("metadata.google.internal", &["93.184.216.34"][..]),
        ("METADATA.google.internal", &["10.0.0.1"]),
        ("x.metadata.goog", &["10.0.0.1"]),
        ("api.example.com", &["169.254.169.254"]),
        ("api.example.com", &["93.184.216.34", "::ffff:169.254.169.254"]),
        ("169.254.169.254", &["169.254.169.254"]),
        ("169.254.169.254", &[]),
        ("[fd00:ec2::254]", &["fd00:ec2::254"]),
    ] {
        for granted in [false, true] {
            let refused = vet(&host(name), &addresses(list), granted);
            assert!(matches!(refused, Err(AddressRefusal::Metadata { .. })), "{name} {refused:?}");
        }
    }
    check_vet("notmetadata.google.internal.example.com", &["93.184.216.34"], false, "ok");
}

#[test]
fn p6_p7_p22_only_the_granted_origin_opens_what_is_private() {
    for (name, address) in [
        ("localhost", "127.0.0.1"),
        ("signal.local", "192.168.1.2"),
        ("host.docker.internal", "172.17.0.1"),
        ("nas.lan", "fd00::2"),
        ("10.0.0.5", "10.0.0.5"),
        ("[::1]", "::1"),
        ("0.0.0.0", "0.0.0.0"),
        ("198.18.0.1", "198.18.0.1"),
    ] {
        assert_eq!(vet(&host(name), &addresses(&[address]), true), Ok(()), "{name}");
        assert!(vet(&host(name), &addresses(&[address]), false).is_err(), "{name}");
    }
    check_vet(
        "localhost",
        &["93.184.216.34"],
        false,
        "`localhost` is a name of the local network, and the operator did not grant this very origin",
    );
    for address in ["224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1", "100::1"] {
        assert!(
            matches!(vet(&host("x.example"), &addresses(&[address]), true), Err(AddressRefusal::Unusable { .. })),
            "{address}"
        );
    }
}

#[test]
fn loopback_is_told_by_its_spelling() {
    for name in ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"] {
        assert!(is_loopback(&host(name)), "{name}");
    }
    for name in ["localhost.example.com", "notlocalhost", "10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]"] {
        assert!(!is_loopback(&host(name)), "{name}");
    }
}

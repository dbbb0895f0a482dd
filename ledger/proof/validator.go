package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// algCosignature is the signature type byte of cosignature/v1 with Ed25519 (c2sp.org/signed-note).
const algCosignature = 0x04

// Validator is a validator as others know it: its name and its public key.
type Validator struct {
	name string
	key  ed25519.PublicKey
}

// NewValidator returns the validator with that name and key; both are checked.
func NewValidator(name string, key ed25519.PublicKey) (Validator, error) {
	if err := checkName(name); err != nil {
		return Validator{}, fmt.Errorf("validator: %w", err)
	}
	if len(key) != ed25519.PublicKeySize {
		return Validator{}, fmt.Errorf("validator %s: %w: a public key of %d bytes", name, ErrForm, len(key))
	}
	return Validator{name: name, key: bytes.Clone(key)}, nil
}

// ParseValidator reads a verifier key as String writes it: name+id+base64(0x04 || public key).
func ParseValidator(vkey string) (Validator, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, b64, _ := strings.Cut(rest, "+")
	raw, err := decodeBase64(b64)
	if err != nil {
		return Validator{}, fmt.Errorf("verifier key: %w", err)
	}
	if len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature {
		return Validator{}, fmt.Errorf("verifier key: %w: want type 0x04 and an Ed25519 key", ErrForm)
	}
	v, err := NewValidator(name, raw[1:])
	if err != nil {
		return Validator{}, err
	}
	if fmt.Sprintf("%08x", v.KeyID()) != id {
		return Validator{}, fmt.Errorf("verifier key of %s: %w: the key id does not match", name, ErrForm)
	}
	return v, nil
}

// Name returns the validator's name, the key name on its signature lines.
func (v Validator) Name() string { return v.name }

// PublicKey returns a copy of the validator's public key.
func (v Validator) PublicKey() ed25519.PublicKey { return bytes.Clone(v.key) }

// Equal reports whether both are the same name with the same key.
func (v Validator) Equal(o Validator) bool { return v.name == o.name && bytes.Equal(v.key, o.key) }

// KeyID returns the first four bytes of SHA-256(name, newline, 0x04, public key).
func (v Validator) KeyID() uint32 {
	h := sha256.New()
	h.Write([]byte(v.name))
	h.Write([]byte{'\n', algCosignature})
	h.Write(v.key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// String returns the C2SP verifier key, the text given to those who check receipts.
func (v Validator) String() string {
	raw := append([]byte{algCosignature}, v.key...)
	return fmt.Sprintf("%s+%08x+%s", v.name, v.KeyID(), base64.StdEncoding.EncodeToString(raw))
}

// Cosignature is one validator's timestamped signature on a checkpoint.
type Cosignature struct {
	Name      string                      // the validator's
	KeyID     uint32                      // the validator's
	Time      int64                       // Unix seconds at which it was made, signed with the rest
	Signature [ed25519.SignatureSize]byte // Ed25519 over Time and the checkpoint's body
}

// Signer is a validator with its private key.
type Signer struct {
	validator Validator
	key       ed25519.PrivateKey
}

// NewSigner returns the signer with that name and private key.
func NewSigner(name string, key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("signer %s: %w: a private key of %d bytes", name, ErrForm, len(key))
	}
	v, err := NewValidator(name, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Signer{validator: v, key: bytes.Clone(key)}, nil
}

// Validator returns what others may know of the signer.
func (s *Signer) Validator() Validator { return s.validator }

// Cosign signs c as of the given Unix time in seconds. The caller has the checkpoint on disk
// before, and never asks for two roots at one size: nothing here can know what was signed earlier.
func (s *Signer) Cosign(c Checkpoint, unixSeconds int64) (Cosignature, error) {
	msg, err := cosignedMessage(c, unixSeconds)
	if err != nil {
		return Cosignature{}, fmt.Errorf("cosign: %w", err)
	}
	return Cosignature{
		Name:      s.validator.name,
		KeyID:     s.validator.KeyID(),
		Time:      unixSeconds,
		Signature: [ed25519.SignatureSize]byte(ed25519.Sign(s.key, msg)),
	}, nil
}

// Verify checks that cs is v's signature on c.
func (v Validator) Verify(c Checkpoint, cs Cosignature) error {
	if cs.Name != v.name || cs.KeyID != v.KeyID() {
		return fmt.Errorf("%w: signed by %s+%08x, not by %s+%08x", ErrSignature, cs.Name, cs.KeyID, v.name, v.KeyID())
	}
	msg, err := cosignedMessage(c, cs.Time)
	if err != nil {
		return err
	}
	if !ed25519.Verify(v.key, msg, cs.Signature[:]) {
		return fmt.Errorf("%w: the signature of %s is wrong", ErrSignature, v.name)
	}
	return nil
}

// cosignedMessage is what cosignature/v1 signs: a header line, the time line, the checkpoint's body.
func cosignedMessage(c Checkpoint, unixSeconds int64) ([]byte, error) {
	if unixSeconds <= 0 {
		return nil, fmt.Errorf("%w: a cosignature's time is after 1970, not %d", ErrForm, unixSeconds)
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(unixSeconds, 10) + "\n" + body), nil
}

// linePrefix opens a signature line of a signed note: an em dash and a space.
const linePrefix = "\u2014 "

// Line returns the signature line as a signed note has it, without the newline.
func (cs Cosignature) Line() string {
	raw := make([]byte, 0, 4+8+ed25519.SignatureSize)
	raw = binary.BigEndian.AppendUint32(raw, cs.KeyID)
	raw = binary.BigEndian.AppendUint64(raw, uint64(cs.Time))
	raw = append(raw, cs.Signature[:]...)
	return linePrefix + cs.Name + " " + base64.StdEncoding.EncodeToString(raw)
}

// ParseCosignature reads a signature line as Line writes it. It checks the form only; Verify checks
// the signature.
func ParseCosignature(line string) (Cosignature, error) {
	rest, ok := strings.CutPrefix(line, linePrefix)
	if !ok {
		return Cosignature{}, fmt.Errorf("%w: no signature line: %.24q", ErrForm, line)
	}
	name, b64, _ := strings.Cut(rest, " ")
	if err := checkName(name); err != nil {
		return Cosignature{}, fmt.Errorf("signature line: %w", err)
	}
	raw, err := decodeBase64(b64)
	if err != nil {
		return Cosignature{}, fmt.Errorf("signature line of %s: %w", name, err)
	}
	if len(raw) != 4+8+ed25519.SignatureSize {
		return Cosignature{}, fmt.Errorf("signature line of %s: %w: %d bytes", name, ErrForm, len(raw))
	}
	cs := Cosignature{
		Name:      name,
		KeyID:     binary.BigEndian.Uint32(raw),
		Time:      int64(binary.BigEndian.Uint64(raw[4:])),
		Signature: [ed25519.SignatureSize]byte(raw[12:]),
	}
	if cs.Time <= 0 {
		return Cosignature{}, fmt.Errorf("signature line of %s: %w: time out of range", name, ErrForm)
	}
	return cs, nil
}

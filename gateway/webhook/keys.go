package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The marks that Standard Webhooks sets before the keys of its asymmetric signatures.
const (
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
)

// Key is one generation of an endpoint's keys: the secret that its owner checks v1 signatures with, and
// an Ed25519 key for v1a, whose public half proves to anybody that a delivery came from us and that
// the owner can't have made it. It prints as a placeholder.
type Key struct {
	Secret Secret
	seed   string    // of the Ed25519 key
	Until  time.Time // when it signs no more; zero for the newest
}

// NewKey returns a random key.
func NewKey() Key {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: the runtime ends the program first
	return Key{Secret: NewSecret(), seed: string(seed)}
}

func (k Key) private() ed25519.PrivateKey { return ed25519.NewKeyFromSeed([]byte(k.seed)) }

// PublicText returns the public half as owners are shown it: "whpk_" and base64.
func (k Key) PublicText() string {
	return publicPrefix + base64.StdEncoding.EncodeToString(k.private().Public().(ed25519.PublicKey))
}

// Format writes a placeholder whatever the verb, so that no %x or %#v shows the key.
func (k Key) Format(f fmt.State, _ rune) { f.Write([]byte(privatePrefix + "redacted")) }

// sign returns both signatures of a message sent at the given second.
func (k Key) sign(id string, at time.Time, body []byte) string {
	message := signed(id, at, body)
	return k.Secret.Sign(id, at, body) + " v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private(), message))
}

// signed is what Standard Webhooks has signatures made of.
func signed(id string, at time.Time, body []byte) []byte {
	var b bytes.Buffer
	b.WriteString(id + "." + strconv.FormatInt(at.Unix(), 10) + ".")
	b.Write(body)
	return b.Bytes()
}

func parsePublic(text string) (ed25519.PublicKey, error) {
	encoded, ok := strings.CutPrefix(text, publicPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("webhook public key: want whpk_ and the base64 of 32 bytes")
	}
	return key, nil
}

// CheckPublic tells whether a text is a public key.
func CheckPublic(text string) error {
	_, err := parsePublic(text)
	return err
}

// VerifyPublic checks a header's v1a signatures with a public key's text.
func VerifyPublic(public, id string, at time.Time, body []byte, header string) error {
	key, err := parsePublic(public)
	if err != nil {
		return err
	}
	for one := range strings.FieldsSeq(header) {
		encoded, ok := strings.CutPrefix(one, "v1a,")
		if signature, err := base64.StdEncoding.Strict().DecodeString(encoded); ok && err == nil && ed25519.Verify(key, signed(id, at, body), signature) {
			return nil
		}
	}
	return errors.New("no v1a signature of this key")
}

const (
	// overlap is how long an earlier key signs beside a new one.
	overlap = 24 * time.Hour
	// maxKeys bounds the keys that sign at a time, and with them a delivery's header.
	maxKeys = 5
)

// ErrRotations says that as many earlier keys as may be are still in use.
var ErrRotations = errors.New("too many keys in use")

// Keys are what an endpoint's deliveries are signed with, the newest first.
type Keys []Key

// Rotate puts a new key before the others. None that is in use is dropped, since we can't know which
// the owner has: ErrRotations when that would make too many.
func (ks Keys) Rotate(now time.Time) (Keys, error) {
	next := Keys{NewKey()}
	for _, k := range ks {
		if k.Until.IsZero() {
			k.Until = now.Add(overlap)
		}
		if k.Until.After(now) {
			next = append(next, k)
		}
	}
	if len(next) > maxKeys {
		return nil, ErrRotations
	}
	return next, nil
}

// Overlap returns until when an earlier key than the newest signs; zero when none does.
func (ks Keys) Overlap(now time.Time) (until time.Time) {
	for _, k := range ks {
		if k.Until.After(now) && k.Until.After(until) {
			until = k.Until
		}
	}
	return until
}

// Sign returns the signature header's value for a message sent at the given second: those of every key
// in use then.
func (ks Keys) Sign(id string, at time.Time, body []byte) string {
	var all []string
	for _, k := range ks {
		if k.Until.IsZero() || k.Until.After(at) {
			all = append(all, k.sign(id, at, body))
		}
	}
	return strings.Join(all, " ")
}

// Equal tells whether two sets are the same keys.
func (ks Keys) Equal(other Keys) bool {
	return slices.EqualFunc(ks, other, func(a, b Key) bool {
		return a.Secret == b.Secret && a.seed == b.seed && a.Until.Equal(b.Until)
	})
}

// Text returns the keys as they are kept, to be sealed: a line each of secret, private key and the
// end in Unix milliseconds.
func (ks Keys) Text() string {
	var b strings.Builder
	for _, k := range ks {
		until := int64(0)
		if !k.Until.IsZero() {
			until = k.Until.UnixMilli()
		}
		fmt.Fprintf(&b, "%s %s%s %d\n", k.Secret.Text(), privatePrefix, base64.StdEncoding.EncodeToString([]byte(k.seed)), until)
	}
	return b.String()
}

var errKeys = errors.New("webhook keys: not what Text writes")

// ParseKeys reads what Text wrote. The error does not repeat the text.
func ParseKeys(text string) (Keys, error) {
	var ks Keys
	for line := range strings.Lines(text) {
		parts := strings.Fields(line)
		if len(parts) != 3 {
			return nil, errKeys
		}
		secret, err := ParseSecret(parts[0])
		if err != nil {
			return nil, err
		}
		encoded, ok := strings.CutPrefix(parts[1], privatePrefix)
		seed, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(seed) != ed25519.SeedSize {
			return nil, errKeys
		}
		until, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			return nil, errKeys
		}
		k := Key{Secret: secret, seed: string(seed)}
		if until != 0 {
			k.Until = time.UnixMilli(until)
		}
		ks = append(ks, k)
	}
	if len(ks) == 0 {
		return nil, errKeys
	}
	return ks, nil
}

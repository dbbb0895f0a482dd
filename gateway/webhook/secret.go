package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// The headers of a signed request, as Standard Webhooks names them.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// The bounds that Standard Webhooks sets for a symmetric secret, and what we make.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

const secretPrefix = "whsec_"

// ErrSecret says that a text is not a webhook secret.
var ErrSecret = errors.New("webhook secret: want whsec_ and the base64 of 24 to 64 bytes")

// Secret is the key that an endpoint's deliveries are signed with. It prints as a placeholder, so that
// a log line or an error never carries it; Text is the one way out.
type Secret struct{ key string }

// NewSecret returns a random secret.
func NewSecret() Secret {
	key := make([]byte, newSecret)
	rand.Read(key) // never fails: the runtime ends the program first
	return Secret{string(key)}
}

// ParseSecret reads a secret's text; ErrSecret otherwise. The error does not repeat the text.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok || len(encoded) > base64.StdEncoding.EncodedLen(maxSecret) || strings.ContainsAny(encoded, "\r\n") {
		return Secret{}, ErrSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, ErrSecret
	}
	return Secret{string(key)}, nil
}

// Text returns the secret as its owner is shown it: "whsec_" and base64.
func (s Secret) Text() string {
	return secretPrefix + base64.StdEncoding.EncodeToString([]byte(s.key))
}

// String returns a placeholder.
func (s Secret) String() string { return secretPrefix + "redacted" }

// Format writes the placeholder whatever the verb, so that no %x or %#v shows the key.
func (s Secret) Format(f fmt.State, _ rune) { f.Write([]byte(s.String())) }

// LogValue is the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Sign returns the v1 signature of a message sent at the given second, as the signature header lists it.
func (s Secret) Sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(s.key))
	mac.Write(signed(id, at, body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestTheIndependentVerifierAcceptsASignature(t *testing.T) {
	for _, size := range []int{24, 32, 64} {
		secret, err := ParseSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", size))))
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := standardwebhooks.NewWebhook(secret.Text())
		if err != nil {
			t.Fatal(err)
		}
		now, body := time.Now(), []byte(`{"type":"payment.settled"}`)
		headers := http.Header{}
		headers.Set(HeaderID, "evt_1")
		headers.Set(HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		headers.Set(HeaderSignature, secret.Sign("evt_1", now, body))
		if err := verifier.Verify(body, headers); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := verifier.Verify(append(body, ' '), headers); err == nil {
			t.Errorf("%d bytes: a changed body was accepted", size)
		}
	}
}

func TestParseSecret(t *testing.T) {
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, text := range []string{
		"", "whsec_", b64(32), "whsec_" + b64(23), "whsec_" + b64(65), "WHSEC_" + b64(32), "whsec_" + b64(32) + "=",
		"whsec_" + strings.TrimRight(b64(32), "="), "whsec_" + b64(24)[:10] + "\n" + b64(24)[10:], "whsec_" + strings.Repeat("A", 1<<20),
		"whsec_" + strings.Repeat("A", 42) + "B=", // bits after the last byte
	} {
		if _, err := ParseSecret(text); !errors.Is(err, ErrSecret) {
			t.Errorf("ParseSecret(%.60q) = %v, want ErrSecret", text, err)
		}
	}
	made := NewSecret()
	if back, err := ParseSecret(made.Text()); err != nil || back != made {
		t.Errorf("a new secret does not read back: %v", err)
	}
	if NewSecret() == made {
		t.Error("two new secrets are the same")
	}
}

func TestASecretDoesNotPrint(t *testing.T) {
	secret, _ := ParseSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24))))
	to := Endpoint{ID: "one", Keys: Keys{{Secret: secret, seed: strings.Repeat("k", 32)}}}
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q %x", to, to, to, secret, secret, secret), secret.LogValue().String(),
	} {
		if strings.Contains(text, "kkk") || strings.Contains(text, "6b6b6b") || strings.Contains(text, secret.Text()[6:]) {
			t.Errorf("printed as %s", text)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24)))
	f.Fuzz(func(t *testing.T, text string) {
		if secret, err := ParseSecret(text); err == nil && secret.Text() != text {
			t.Errorf("%q reads as %q", text, secret.Text())
		}
	})
}

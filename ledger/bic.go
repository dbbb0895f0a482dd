package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"viaduct/internal/money"
)

// ErrBIC says a text is not an ISO 9362 business identifier code.
var ErrBIC = errors.New("not a BIC")

// BIC is an ISO 9362 code, stored as 11 characters: a head office's branch is XXX.
type BIC [11]byte

// ParseBIC reads 8 or 11 characters: four letters or digits, a country's two letters, two letters or
// digits, and a branch's three (ISO 9362:2022, clause 5). "CHASUS33" and "CHASUS33XXX" are the same.
func ParseBIC(text string) (BIC, error) {
	var b BIC
	if len(text) != 8 && len(text) != 11 {
		return b, fmt.Errorf("%w: %.20q is not 8 or 11 characters", ErrBIC, text)
	}
	copy(b[:], text)
	copy(b[len(text):], "XXX")
	if !b.wellFormed() {
		return BIC{}, fmt.Errorf("%w: %.20q", ErrBIC, text)
	}
	return b, nil
}

func (b BIC) wellFormed() bool {
	for i, c := range b {
		if !isLetter(c) && (!isDigit(c) || i == 4 || i == 5) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// MustBIC is ParseBIC for codes written in the source; it panics on a wrong one.
func MustBIC(text string) BIC {
	b, err := ParseBIC(text)
	if err != nil {
		panic(err)
	}
	return b
}

// String returns the canonical text: 8 characters for a head office, 11 for a branch.
func (b BIC) String() string {
	if b == (BIC{}) {
		return ""
	}
	return string(bytes.TrimSuffix(b[:], []byte("XXX")))
}

// Country returns the two-letter country of the institution.
func (b BIC) Country() string { return string(b[4:6]) }

// MarshalText makes a BIC its text in JSON; no BIC is the empty text.
func (b BIC) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (b *BIC) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*b = BIC{}
		return nil
	}
	*b, err = ParseBIC(string(text))
	return err
}

// AssetName names an asset: a claim on Issuer in Currency, written USD@CHASUS33.
type AssetName struct {
	Currency money.Currency
	Issuer   BIC
}

// String returns the asset as it is written everywhere, or the currency alone when no issuer is named.
func (a AssetName) String() string {
	if a.Issuer == (BIC{}) {
		return a.Currency.String()
	}
	return a.Currency.String() + "@" + a.Issuer.String()
}

// ID is a 16-byte identifier made outside the ledger (a UUID); zero is none.
type ID [16]byte

// Hash is a SHA-256 digest.
type Hash [32]byte

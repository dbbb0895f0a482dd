package iso20022

import "fmt"

// Profile says which rules stand above the schema: what a community of banks has agreed on top of
// the standard.
type Profile uint8

// The profiles. The zero value is the default.
const (
	CBPRSR2026 Profile = iota // cross-border (CBPR+) from 14 November 2026: no unstructured address
	CBPRSR2025                // cross-border (CBPR+) of November 2025: unstructured addresses still pass
	ISO                       // the standard alone: its schema and its own arithmetic
	Market                    // a domestic market: the standard, check digits, and a header that fits
)

var profileNames = [...]string{CBPRSR2026: "cbpr-sr2026", CBPRSR2025: "cbpr-sr2025", ISO: "iso", Market: "market"}

// ParseProfile reads a profile's name; "" is the default.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return CBPRSR2026, nil
	}
	for p, n := range profileNames {
		if n == name {
			return Profile(p), nil
		}
	}
	return 0, fmt.Errorf("unknown profile %.20q: cbpr-sr2026, cbpr-sr2025, iso or market", name)
}

// String returns the profile's name, "cbpr-sr2026".
func (p Profile) String() string {
	if int(p) < len(profileNames) {
		return profileNames[p]
	}
	return fmt.Sprintf("Profile(%d)", uint8(p))
}

// profiles is a set of profiles, one bit each.
type profiles uint8

const (
	sr2026 = profiles(1 << CBPRSR2026)
	sr2025 = profiles(1 << CBPRSR2025)
	cbpr   = sr2026 | sr2025
	strict = cbpr | profiles(1<<Market)
	every  = strict | profiles(1<<ISO)
)

func (s profiles) has(p Profile) bool { return s>>p&1 == 1 }

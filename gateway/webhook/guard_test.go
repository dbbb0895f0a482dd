package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

var forbidden = []string{
	"127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
	"100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7",
	"203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16", "100.100.100.200", "192.0.0.192",
	"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
	"64:ff9b:1::1", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "100::1", "2001::1", "2002:7f00:1::1", "3fff::1", "5f00::1",
}

var allowed = []string{"8.8.8.8", "172.32.0.1", "168.63.129.17", "100.128.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "2a00:1450::1"}

func TestPublic(t *testing.T) {
	for _, text := range forbidden {
		if public(netip.MustParseAddr(text)) {
			t.Errorf("%s passes as public", text)
		}
	}
	for _, text := range allowed {
		if !public(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
}

func TestCheckURL(t *testing.T) {
	tests := []struct {
		url          string
		closed, open error
	}{
		{"https://bank.example/hooks?a=b", nil, nil},
		{"https://bank.example:8443", nil, nil},
		{"https://8.8.8.8/x", nil, nil},
		{"http://bank.example/hooks", ErrURL, nil},
		{"https://127.0.0.1/x", ErrAddress, nil},
		{"https://[::1]:99/x", ErrAddress, nil},
		{"https://[::ffff:10.0.0.1]/x", ErrAddress, nil},
		{"https://user:pass@bank.example/", ErrURL, ErrURL},
		{"https://bank.example/#part", ErrURL, ErrURL},
		{"ftp://bank.example/", ErrURL, ErrURL},
		{"file:///etc/passwd", ErrURL, ErrURL},
		{"https:bank.example", ErrURL, ErrURL},
		{"https:///path", ErrURL, ErrURL},
		{"//bank.example", ErrURL, ErrURL},
		{"", ErrURL, ErrURL},
		{"https://bank.example/\x00", ErrURL, ErrURL},
		{"https://bank.example/" + strings.Repeat("a", maxURL), ErrURL, ErrURL},
	}
	for _, tt := range tests {
		if err := (Guard{}).CheckURL(tt.url); !errors.Is(err, tt.closed) {
			t.Errorf("CheckURL(%.60q) = %v, want %v", tt.url, err, tt.closed)
		}
		if err := (Guard{AllowPrivate: true}).CheckURL(tt.url); !errors.Is(err, tt.open) {
			t.Errorf("allowing private: CheckURL(%.60q) = %v, want %v", tt.url, err, tt.open)
		}
	}
}

// book answers look-ups from a list, a next answer each time, and notes what was dialed.
type book struct {
	answers [][]string
	lookups int
	dialed  []string
	dead    string
}

func (b *book) guard() Guard {
	return Guard{
		Resolve: func(context.Context, string, string) ([]netip.Addr, error) {
			var addrs []netip.Addr
			for _, text := range b.answers[min(b.lookups, len(b.answers)-1)] {
				addrs = append(addrs, netip.MustParseAddr(text))
			}
			b.lookups++
			return addrs, nil
		},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			b.dialed = append(b.dialed, address)
			if address == b.dead {
				return nil, errors.New("no route")
			}
			near, far := net.Pipe()
			far.Close()
			return near, nil
		},
	}
}

func TestTheGuardDialsWhatItChecked(t *testing.T) {
	// The second look-up would lead inside; there must be none.
	b := &book{answers: [][]string{{"8.8.8.8"}, {"127.0.0.1"}}}
	conn, err := b.guard().DialContext(t.Context(), "tcp", "bank.example:443")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if b.lookups != 1 || len(b.dialed) != 1 || b.dialed[0] != "8.8.8.8:443" {
		t.Errorf("%d look-ups, dialed %v", b.lookups, b.dialed)
	}
}

func TestTheGuardRefusesANameThatLeadsInside(t *testing.T) {
	for _, text := range forbidden {
		b := &book{answers: [][]string{{"8.8.8.8", text}}}
		if _, err := b.guard().DialContext(t.Context(), "tcp", "bank.example:443"); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", text, err)
		}
		if len(b.dialed) != 0 {
			t.Errorf("%s: dialed %v", text, b.dialed)
		}
	}
}

func TestTheGuardTriesTheNextAddress(t *testing.T) {
	b := &book{answers: [][]string{{"8.8.8.8", "8.8.4.4"}}, dead: "8.8.8.8:443"}
	conn, err := b.guard().DialContext(t.Context(), "tcp", "bank.example:443")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	none := &book{answers: [][]string{nil}}
	if _, err := none.guard().DialContext(t.Context(), "tcp", "bank.example:443"); reason(err) != "name not found" {
		t.Errorf("a name without an address: %v", err)
	}
}

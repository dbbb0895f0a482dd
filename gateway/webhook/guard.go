package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// maxURL bounds an endpoint's URL; what is longer is refused by many servers anyway.
const maxURL = 2048

// A name may have several addresses. The first few are tried, each with a part of the time that one
// attempt has, so that one dead address does not use it all up.
const (
	maxAddresses = 3
	dialTimeout  = 5 * time.Second
)

// What the guard refuses; callers match with errors.Is.
var (
	ErrURL     = errors.New("webhook URL")
	ErrAddress = errors.New("webhook address is not a public one")
)

// Guard keeps deliveries out of the networks that our own machines stand in. A participant names the
// URL, so without the guard it could make a gateway knock on neighbours that trust the gateway.
//
// It looks a name up once, checks every address found and dials those same addresses: a name that
// answers differently the second time gains nothing.
type Guard struct {
	// AllowPrivate lets deliveries go to private and loopback addresses and over plain HTTP: for a
	// demo, or an installation whose participants are all inside.
	AllowPrivate bool
	// Resolve looks a host name up; nil is the system's resolver.
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Dial connects to an address that was checked; nil is the system's dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// CheckURL tells whether raw may be registered as an endpoint: an absolute https URL (or http, where
// private addresses are allowed) with a host, without user, password and fragment, whose host is not
// a forbidden address written out. Where a name leads is checked at each delivery, since that changes.
func (g Guard) CheckURL(raw string) error {
	if len(raw) > maxURL {
		return fmt.Errorf("%w: longer than %d characters", ErrURL, maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fmt.Errorf("%w: not a URL", ErrURL) // without err, which repeats the text
	}
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && g.AllowPrivate):
		return fmt.Errorf("%w: want https", ErrURL)
	case u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("%w: no host", ErrURL)
	case u.User != nil:
		return fmt.Errorf("%w: has a user or password; deliveries are signed instead", ErrURL)
	case u.Fragment != "":
		return fmt.Errorf("%w: has a fragment", ErrURL)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return g.check(addr)
	}
	return nil
}

// DialContext connects to address ("host:port") if all that its host resolves to is allowed.
func (g Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrURL, address)
	}
	addrs, err := g.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	// All, not only the one dialed: a name with one foot inside is not there by honest mistake.
	for _, addr := range addrs {
		if err := g.check(addr); err != nil {
			return nil, err
		}
	}
	dial := g.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var last error
	for _, addr := range addrs[:min(len(addrs), maxAddresses)] {
		tryCtx, cancel := context.WithTimeout(ctx, dialTimeout)
		conn, err := dial(tryCtx, network, net.JoinHostPort(addr.String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("dial %s: %w", host, last)
}

func (g Guard) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	resolve := g.Resolve
	if resolve == nil {
		resolve = net.DefaultResolver.LookupNetIP
	}
	addrs, err := resolve(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("look up %s: %w", host, &net.DNSError{Err: "no address", Name: host, IsNotFound: true})
	}
	return addrs, nil
}

func (g Guard) check(addr netip.Addr) error {
	if g.AllowPrivate || public(addr) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrAddress, addr)
}

// special are the blocks that the IANA special-purpose registries (RFC 6890) set aside and that
// package netip has no name for, and one address that answers for the machine's own host. IPv6 is public only inside 2000::/3, and there not in these.
var special = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT
	netip.MustParsePrefix("168.63.129.16/32"), // a cloud's own service to its machines; registered to nobody else
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),        // protocol assignments, Teredo
	netip.MustParsePrefix("2001:db8::/32"),    // documentation
	netip.MustParsePrefix("2002::/16"),        // 6to4, which carries an IPv4 address
	netip.MustParsePrefix("3fff::/20"),        // documentation
}

var globalIPv6 = netip.MustParsePrefix("2000::/3")

// public tells whether addr is one that anybody may be reached at.
func public(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap() // ::ffff:10.0.0.1 reaches 10.0.0.1
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is6() && !globalIPv6.Contains(addr) {
		return false // loopback, link-local, multicast and the unspecified address are not global unicast
	}
	for _, block := range special {
		if block.Contains(addr) {
			return false
		}
	}
	return true
}

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
)

// secure has a listener speak TLS when there is a certificate for it, and returns the URL's scheme.
// Clients are asked for a certificate and may come without: whose must not is the gateway's to say, by
// the pins of its participants.
func (f serveFlags) secure(l net.Listener) (net.Listener, string, error) {
	if f.TLSCert == "" && f.TLSKey == "" && f.ClientCA == "" {
		return l, "http", nil
	}
	if f.TLSCert == "" || f.TLSKey == "" {
		return nil, "", fmt.Errorf("%w: --tls-cert and --tls-key go together, and --client-ca with them", errUsed)
	}
	pair, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, "", fmt.Errorf("%w: --tls-cert and --tls-key: %w", errUsed, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		ClientAuth: tls.RequestClientCert,
	}
	if f.ClientCA != "" {
		text, err := os.ReadFile(f.ClientCA)
		if err != nil {
			return nil, "", fmt.Errorf("%w: --client-ca: %w", errUsed, err)
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, "", fmt.Errorf("%w: --client-ca: no certificate in %s", errUsed, f.ClientCA)
		}
	}
	return tls.NewListener(l, config), "https", nil
}

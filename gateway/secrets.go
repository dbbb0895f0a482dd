package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"viaduct/ledger"
)

// Secrets are the keys derived from the store's data key, one for each use. All gateways of a store have the
// same, whatever becomes of the master key that the data key is kept under.
type Secrets struct {
	data        [32]byte
	seal        cipher.AEAD
	fingerprint []byte
	token       []byte
	cursor      []byte
	console     [32]byte // seals the console's sessions
}

func newSecrets(data [32]byte) (*Secrets, error) {
	s := &Secrets{data: data}
	var err error
	derive := func(use string) (key []byte) {
		if err == nil {
			key, err = hkdf.Key(sha256.New, data[:], nil, "viaduct/gateway/"+use+"/v1", 32)
		}
		return key
	}
	sealing := derive("seal")
	s.fingerprint, s.cursor, s.token = derive("fingerprint"), derive("cursor"), derive("token")
	copy(s.console[:], derive("console"))
	if err == nil {
		s.seal, err = newSeal(sealing)
	}
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return s, nil
}

func newSeal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var errSealed = errors.New("sealed data does not open: another master key, or damaged")

// sealed encrypts what is kept at rest. What it is for (a kind and an id) is bound to it, so that one
// sealed value can't stand in for another.
func (s *Secrets) sealed(plain []byte, use string) []byte { return sealWith(s.seal, plain, use) }

// opened is the reverse of sealed.
func (s *Secrets) opened(data []byte, use string) ([]byte, error) { return openWith(s.seal, data, use) }

func sealWith(key cipher.AEAD, plain []byte, use string) []byte {
	nonce := make([]byte, key.NonceSize(), key.NonceSize()+len(plain)+key.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return key.Seal(nonce, nonce, plain, []byte(use))
}

func openWith(key cipher.AEAD, data []byte, use string) ([]byte, error) {
	if len(data) < key.NonceSize() {
		return nil, errSealed
	}
	plain, err := key.Open(nil, data[:key.NonceSize()], data[key.NonceSize():], []byte(use))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// fingerprintOf names a request's content: method, path, participant and canonical body. It is keyed,
// so that what the ledger keeps of it tells nobody the content.
func (s *Secrets) fingerprintOf(method, path string, participant ledger.BIC, body []byte) ledger.Hash {
	m := hmac.New(sha256.New, s.fingerprint)
	for _, part := range [][]byte{[]byte(method), []byte(path), participant[:], body} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		m.Write(size[:])
		m.Write(part)
	}
	return ledger.Hash(m.Sum(nil))
}

const cursorTag = 12 // bytes of a cursor's HMAC

// cursorFor makes an opaque cursor of a position in the named list.
func (s *Secrets) cursorFor(list string, position []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(s.cursorTagOf(list, position), position...))
}

// anySize lets positionOf take a position of whatever size.
const anySize = -1

// positionOf reads a cursor that cursorFor made for the same list.
func (s *Secrets) positionOf(list, cursor string, size int) ([]byte, bool) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(data) < cursorTag || size != anySize && len(data) != cursorTag+size {
		return nil, false
	}
	return data[cursorTag:], hmac.Equal(data[:cursorTag], s.cursorTagOf(list, data[cursorTag:]))
}

func (s *Secrets) cursorTagOf(list string, position []byte) []byte {
	m := hmac.New(sha256.New, s.cursor)
	m.Write([]byte(list + "\x00"))
	m.Write(position)
	return m.Sum(nil)[:cursorTag]
}

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

	"viaduct/ledger"
)

// secrets are the keys derived from the master key, one for each use.
type secrets struct {
	seal        cipher.AEAD
	fingerprint []byte
	token       []byte
	check       []byte // tells this master key from another, and tells nothing of it
	cursor      []byte
	console     [32]byte // seals the console's sessions
}

func newSecrets(master [32]byte) (s secrets, err error) {
	derive := func(use string) (key []byte) {
		if err == nil {
			key, err = hkdf.Key(sha256.New, master[:], nil, "viaduct/gateway/"+use+"/v1", 32)
		}
		return key
	}
	sealing := derive("seal")
	s.fingerprint, s.cursor = derive("fingerprint"), derive("cursor")
	copy(s.console[:], derive("console"))
	s.token, s.check = derive("token"), derive("check")
	if err != nil {
		return s, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return s, err
	}
	s.seal, err = cipher.NewGCM(block)
	return s, err
}

var errSealed = errors.New("sealed data does not open: another master key, or damaged")

// sealed encrypts what is kept at rest. What it is for (a kind and an id) is bound to it, so that one
// sealed value can't stand in for another.
func (s *secrets) sealed(plain []byte, use string) []byte {
	nonce := make([]byte, s.seal.NonceSize(), s.seal.NonceSize()+len(plain)+s.seal.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return s.seal.Seal(nonce, nonce, plain, []byte(use))
}

// opened is the reverse of sealed.
func (s *secrets) opened(data []byte, use string) ([]byte, error) {
	if len(data) < s.seal.NonceSize() {
		return nil, errSealed
	}
	plain, err := s.seal.Open(nil, data[:s.seal.NonceSize()], data[s.seal.NonceSize():], []byte(use))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// fingerprintOf names a request's content: method, path, participant and canonical body. It is keyed,
// so that what the ledger keeps of it tells nobody the content.
func (s *secrets) fingerprintOf(method, path string, participant ledger.BIC, body []byte) ledger.Hash {
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
func (s *secrets) cursorFor(list string, position []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(s.cursorTagOf(list, position), position...))
}

// anySize lets positionOf take a position of whatever size.
const anySize = -1

// positionOf reads a cursor that cursorFor made for the same list.
func (s *secrets) positionOf(list, cursor string, size int) ([]byte, bool) {
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(data) < cursorTag || size != anySize && len(data) != cursorTag+size {
		return nil, false
	}
	return data[cursorTag:], hmac.Equal(data[:cursorTag], s.cursorTagOf(list, data[cursorTag:]))
}

func (s *secrets) cursorTagOf(list string, position []byte) []byte {
	m := hmac.New(sha256.New, s.cursor)
	m.Write([]byte(list + "\x00"))
	m.Write(position)
	return m.Sum(nil)[:cursorTag]
}

package proof

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxNameLen bounds an origin and a validator's name; the formats that commit to names allow 255.
const MaxNameLen = 255

// Checkpoint is the state of the log at one size: what validators sign.
type Checkpoint struct {
	Origin string // the network's name, the first line
	Size   uint64 // leaves in the log
	Root   Hash   // RFC 6962 root over them
}

// Body returns the checkpoint's three lines, the text that cosignatures cover.
func (c Checkpoint) Body() (string, error) {
	if err := checkName(c.Origin); err != nil {
		return "", fmt.Errorf("origin: %w", err)
	}
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root.String() + "\n", nil
}

// ParseCheckpoint reads the three lines that Body writes and refuses anything else.
func ParseCheckpoint(body string) (Checkpoint, error) {
	l := lines{rest: body}
	c, err := l.checkpoint()
	if err != nil {
		return Checkpoint{}, err
	}
	return c, l.end()
}

// checkName holds origins and validator names to printable ASCII without space and plus. C2SP
// forbids spaces and plus signs; the rest keeps out names that look alike but are not.
func checkName(name string) error {
	if name == "" || len(name) > MaxNameLen {
		return fmt.Errorf("%w: a name has 1 to %d characters, not %d", ErrForm, MaxNameLen, len(name))
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '+' {
			return fmt.Errorf("%w: character %q in a name", ErrForm, c)
		}
	}
	return nil
}

// lines reads a text line by line; every line must end in a newline.
type lines struct{ rest string }

func (l *lines) next(what string) (string, error) {
	line, rest, ok := strings.Cut(l.rest, "\n")
	if !ok {
		return "", fmt.Errorf("%w: the %s line is missing or has no end", ErrForm, what)
	}
	l.rest = rest
	return line, nil
}

func (l *lines) checkpoint() (Checkpoint, error) {
	var c Checkpoint
	var err error
	if c.Origin, err = l.next("origin"); err != nil {
		return Checkpoint{}, err
	}
	if err := checkName(c.Origin); err != nil {
		return Checkpoint{}, fmt.Errorf("origin: %w", err)
	}
	size, err := l.next("tree size")
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Size, err = parseNumber(size); err != nil {
		return Checkpoint{}, fmt.Errorf("tree size: %w", err)
	}
	root, err := l.next("root")
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Root, err = parseHash(root); err != nil {
		return Checkpoint{}, fmt.Errorf("root: %w", err)
	}
	return c, nil
}

func (l *lines) end() error {
	if l.rest != "" {
		return fmt.Errorf("%w: %d bytes after the end", ErrForm, len(l.rest))
	}
	return nil
}

// parseNumber reads an unsigned decimal without sign or leading zeros.
func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%w: %.24q is no plain decimal number", ErrForm, s)
	}
	return n, nil
}

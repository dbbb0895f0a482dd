package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"viaduct/gateway/iso20022"
)

type messageCmd struct {
	Check messageCheckCmd `cmd:"" help:"Check ISO 20022 messages offline, by the gateway's own reader and rules."`
}

type messageCheckCmd struct {
	Files   []string `arg:"" name:"file" help:"Files with one message each, with or without header and envelope; folders, for the .xml files in them; patterns; - for standard input."`
	Profile string   `help:"The rules to check by: cbpr-sr2026, cbpr-sr2025, market or iso." default:"cbpr-sr2026"`
	JSON    bool     `name:"json" help:"Print one JSON object a file."`
}

// errRefused says that a message would be refused; what is wrong with it was printed.
var errRefused = errors.New("not accepted")

// checked is what was found in one file.
type checked struct {
	File     string             `json:"file"`
	Message  string             `json:"message,omitempty"` // "pacs.008.001.08", where one was made out
	Profile  string             `json:"profile"`
	Accepted bool               `json:"accepted"`
	Findings []iso20022.Finding `json:"findings"`
}

// Run checks each file and prints a line a finding. A message that would be refused is exit code 1; a
// file that cannot be read is named and the others are checked all the same, and exit code 2.
func (c messageCheckCmd) Run(t terminal) error {
	profile, err := iso20022.ParseProfile(c.Profile)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	count, refused, unread := 0, 0, 0
	for _, arg := range c.Files {
		files, err := filesOf(arg)
		if err != nil {
			unread++
			fmt.Fprintf(t.err, "%s: not read: %v\n", arg, err)
		}
		for _, file := range files {
			data, err := readDocument(file)
			if err != nil {
				unread++
				fmt.Fprintf(t.err, "%s: not read: %v\n", file, err)
				continue
			}
			m, findings := iso20022.Check(data, profile)
			out := checked{File: file, Profile: profile.String(), Accepted: len(findings) == 0, Findings: findings}
			if m != nil {
				out.Message = m.ID()
			}
			count++
			if !out.Accepted {
				refused++
			}
			if err := out.print(t.out, c.JSON); err != nil {
				return err
			}
		}
	}
	switch {
	case unread > 0:
		return fmt.Errorf("%w: %d could not be read; of %d messages %d would be refused", errUsed, unread, count, refused)
	case refused > 0:
		return fmt.Errorf("%w: %d of %d", errRefused, refused, count)
	}
	return nil
}

// filesOf returns the files an argument names: itself, the .xml files of a folder and those below it, or
// what a pattern fits that the shell left alone.
func filesOf(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	switch {
	case arg == "-" || err == nil && !info.IsDir():
		return []string{arg}, nil
	case err != nil:
		if files, bad := filepath.Glob(arg); bad == nil && len(files) > 0 {
			return files, nil
		}
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.EqualFold(filepath.Ext(path), ".xml") {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("no .xml file in this folder")
	}
	return files, err
}

// readDocument reads a file, and of a large one no more than shows that it is too large.
func readDocument(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, iso20022.MaxBytes+1))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, iso20022.MaxBytes+1))
}

func (c *checked) print(w io.Writer, asJSON bool) error {
	if asJSON {
		if c.Findings == nil {
			c.Findings = []iso20022.Finding{}
		}
		return json.NewEncoder(w).Encode(c)
	}
	if c.Accepted {
		_, err := fmt.Fprintf(w, "%s: %s accepted under %s\n", c.File, c.Message, c.Profile)
		return err
	}
	for _, f := range c.Findings {
		if _, err := fmt.Fprintf(w, "%s: %s\n", c.File, f); err != nil {
			return err
		}
	}
	return nil
}

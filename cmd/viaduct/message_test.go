package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The check prints a line a finding, says with its exit code whether the message would pass, and
// takes many files of any wrapping.
func TestMessageCheck(t *testing.T) {
	good, err := os.ReadFile("../../gateway/iso20022/testdata/pacs008.xml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	at := strings.Index(string(good), "<p:Document")
	bare := string(good[at:strings.Index(string(good), "</Envelope>")])
	ok := file("ok.xml", string(good))
	alone := file("alone.xml", "\uFEFF<?xml version=\"1.0\"?>\r\n<!-- alone --><?keep it?>\r\n"+strings.ReplaceAll(bare, "\n", "\r\n")+"<!-- end -->\n")
	bad := file("bad.xml", strings.Replace(string(good), "<p:ChrgBr>SHAR</p:ChrgBr>", "<p:ChrgBr>NONE</p:ChrgBr>", 1))
	older := file("older.xml", strings.ReplaceAll(bare, "pacs.008.001.08", "pacs.008.001.06"))
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	file("folder/a.xml", "")
	file("folder/below/b.XML", string(good))
	file("folder/notes.txt", "not a message")
	tests := []struct {
		name string
		args []string
		code int
		out  string // a part of what is printed
	}{
		{"good", []string{ok}, 0, "pacs.008.001.08 accepted under cbpr-sr2026"},
		{"no header", []string{alone, "--profile", "iso"}, 0, "accepted under iso"},
		{"no header across borders", []string{alone}, 1, "header_missing /AppHdr line"},
		{"bad", []string{ok, bad}, 1, bad + ": facet_enumeration /Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/ChrgBr line 29 [CH16]"},
		{"older", []string{"--profile=iso", older}, 0, "pacs.008.001.06 accepted"},
		{"older across borders", []string{older}, 1, "unsupported_version /Document"},
		{"not XML", []string{file("not.xml", "hello")}, 1, "not_well_formed"},
		{"empty", []string{file("empty.xml", "")}, 1, "not_well_formed"},
		{"profile", []string{ok, "--profile", "sepa"}, 2, ""},
		{"no file", []string{filepath.Join(dir, "none.xml")}, 2, ""},
		{"a missing file does not hide the others", []string{filepath.Join(dir, "none.xml"), ok, bad}, 2, bad + ": facet_enumeration"},
		{"empty folder", []string{t.TempDir()}, 2, ""},
		{"folder", []string{folder}, 1, filepath.Join(folder, "below", "b.XML") + ": pacs.008.001.08 accepted"},
		{"pattern", []string{filepath.Join(folder, "*.xml")}, 1, filepath.Join(folder, "a.xml") + ": not_well_formed / line 1 [FF01]: the document is empty"},
		{"pattern of nothing", []string{filepath.Join(folder, "*.txt.xml")}, 2, ""},
		{"gzip", []string{file("zip.xml", "\x1f\x8b\x08\x00\xff")}, 1, "not_utf8 / line 1 [FF01]: the document is not UTF-8, but compressed (gzip)"},
		{"utf-16", []string{file("wide.xml", "\xff\xfe<\x00a\x00/\x00>\x00")}, 1, "not_utf8 / line 1 [FF01]: the document is not UTF-8, but UTF-16"},
		{"utf-16 without mark", []string{file("wide2.xml", "<\x00?\x00")}, 1, "but UTF-16"},
		{"binary", []string{file("binary.xml", "\x00\x01\x02\xfe")}, 1, "not_utf8"},
		{"huge", []string{file("huge.xml", string(good)+strings.Repeat(" ", 5<<20))}, 1, "too_large / line 1 [FF01]"},
		{"one line a finding", []string{file("breaks.xml", strings.Replace(string(good), "<p:ChrgBr>SHAR</p:ChrgBr>", "<p:ChrgBr>A\u202e\n\u0085B</p:ChrgBr>", 1))}, 1, "/ChrgBr line 29 [CH16]: "},
		{"nothing", nil, 2, ""},
	}
	for _, tt := range tests {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"message", "check"}, tt.args...), &out, &errs); code != tt.code || !strings.Contains(out.String(), tt.out) {
			t.Errorf("%s: exit %d, want %d\n%s%s", tt.name, code, tt.code, out.String(), errs.String())
		}
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, dir) {
				t.Errorf("%s: a line that names no file: %q", tt.name, line)
			}
		}
	}
	var out, errs bytes.Buffer
	run(t.Context(), []string{"message", "check", "--json", ok, bad}, &out, &errs)
	read := json.NewDecoder(&out)
	for _, want := range []struct {
		accepted bool
		findings int
	}{{true, 0}, {false, 1}} {
		var got checked
		if err := read.Decode(&got); err != nil || got.Accepted != want.accepted || len(got.Findings) != want.findings || got.Message != "pacs.008.001.08" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

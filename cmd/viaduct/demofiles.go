package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// demoFiles are what a running demo leaves for a shell: variables to source, and a config file with a
// profile for each bank. The first is held locked while the demo runs, so that another demo at the
// same time takes names of its own.
type demoFiles struct {
	env    *os.File
	config string
}

// maxDemos bounds the names that are tried.
const maxDemos = 100

// claimDemoFiles takes the first names that no running demo has: viaduct-demo.env, viaduct-demo-2.env
// and so on. What a killed demo left is taken over; what belongs to somebody else is left alone.
func claimDemoFiles(dir string) (*demoFiles, error) {
	for n := 1; n <= maxDemos; n++ {
		name := filepath.Join(dir, "viaduct-demo")
		if n > 1 {
			name += fmt.Sprint("-", n)
		}
		file, err := os.OpenFile(name+".env", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // no such directory
				return nil, err
			}
			continue
		}
		if ours(file) && syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && stillThere(file) {
			return &demoFiles{file, name + ".yaml"}, nil
		}
		file.Close()
	}
	return nil, fmt.Errorf("no free name for viaduct-demo.env in %s (set TMPDIR to another directory)", dir)
}

func ours(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid() && stat.Nlink == 1 && file.Chmod(0o600) == nil
}

// stillThere tells whether the name still means this file: a demo that ended just now removed it.
func stillThere(file *os.File) bool {
	info, err := file.Stat()
	named, err2 := os.Lstat(file.Name())
	return err == nil && err2 == nil && os.SameFile(info, named)
}

// write tells a shell the URL, the validators and a key for each bank.
func (d *demoFiles) write(s *served) error {
	status, err := s.client.Status(context.Background())
	if err != nil {
		return err
	}
	now, _ := status.Validators()
	var b strings.Builder
	fmt.Fprintf(&b, "URL='%s'\nOPERATOR='%s'\nVALIDATOR='%s'\nexport VIADUCT_CONFIG='%s'\n", s.url, s.dir.apiKeys.Operator, strings.Join(now.Validators, " "), d.config)
	profiles := configFile{Profiles: map[string]profile{"operator": {s.url, s.dir.apiKeys.Operator}}}
	for _, bic := range sortedKeys(s.dir.apiKeys.Banks) {
		fmt.Fprintf(&b, "%s='%s'\n", bic, s.dir.apiKeys.Banks[bic])
		profiles.Profiles[bic] = profile{s.url, s.dir.apiKeys.Banks[bic]}
	}
	if err := ignoreMissing(os.Remove(d.config)); err != nil {
		return err
	}
	if err := profiles.write(d.config); err != nil {
		return err
	}
	if err := d.env.Truncate(0); err != nil {
		return err
	}
	_, err = d.env.WriteAt([]byte(b.String()), 0)
	return err
}

// remove takes the files away, the locked one last.
func (d *demoFiles) remove() error {
	return errors.Join(ignoreMissing(os.Remove(d.config)), ignoreMissing(os.Remove(d.env.Name())), d.env.Close())
}

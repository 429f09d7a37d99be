#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Prints the English prose of HTML, XHTML, Mallard and POD files, a paragraph a line with an empty line between, each
# paragraph once. Code, tables, menus, other languages and lines that are not sentences are left out.
# usage: data/prose.pl FILE... >text   (or the files' names on standard input, one a line)
use strict;
use warnings;
binmode(STDOUT, ':encoding(UTF-8)');

my $blocks = join '|', qw(p li dd dt dl ul ol div section article h1 h2 h3 h4 h5 h6 td th tr table blockquote body br hr
  title item note screen media steps figcaption);
my %entity = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'", nbsp => ' ', mdash => ' - ', ndash => '-',
  hellip => '...', lsquo => "'", rsquo => "'", ldquo => '"', rdquo => '"', copy => '(c)', times => 'x');
my %seen;

sub entity {
  my ($name) = @_;
  return chr(hex $1) if $name =~ /^#[xX]([0-9a-fA-F]{1,6})$/;
  return chr($1) if $name =~ /^#([0-9]{1,7})$/;
  return $entity{$name} // "&$name;";
}

# Typographic characters to ASCII: a small vocabulary has better uses.
sub plain {
  my ($text) = @_;
  $text =~ s/[\x{2018}\x{2019}\x{201a}]/'/g;
  $text =~ s/[\x{201c}\x{201d}\x{201e}]/"/g;
  $text =~ s/\s*\x{2014}\s*/ - /g;
  $text =~ s/[\x{2010}-\x{2013}\x{2212}]/-/g;
  $text =~ s/\x{2026}/.../g;
  $text =~ s/[\x{00ad}\x{200b}\x{feff}\x{00b6}]//g;
  $text =~ s/\s+/ /g;
  $text =~ s/^ | $//g;
  $text =~ s{ ([,;:!?)])(?= |$)}{$1}g;
  return $text;
}

# A sentence or several in English.
sub is_prose {
  my ($text) = @_;
  return 0 if length($text) < 50 || length($text) > 4000;
  return 0 unless $text =~ /^["'(]?[A-Z]/ && $text =~ /[.!?]["')]{0,2}$/;
  return 0 if $text =~ /[^\x20-\x7e\x{a0}-\x{17f}]|[{}|\\~^<>]|\.{4}|[=_-]{3}|&[a-z]+;/;
  my $letters = ($text =~ tr/a-zA-Z ,.//);
  return 0 if $letters < 0.93 * length($text);
  my @words = split / /, $text;
  my $common = grep { /^(?:the|of|an?|to|is|are|in|and|that|it|for|with|be|this|not|or|as|you|on|can|by|if)$/ } @words;
  return @words >= 8 && 6 * $common >= @words;
}

sub show {
  my ($text) = @_;
  $text = plain($text);
  print "$text\n\n" if is_prose($text) && !$seen{$text}++;
}

sub show_markup {
  my ($text) = @_;
  $text =~ s/<!--.*?-->//gs;
  $text =~ s/<(head|script|style|pre|table|nav|footer|code-block|screen|synopsis|code\s+mime[^>]*)\b.*?<\/\1\s*>/<p>/gsi;
  $text =~ s/<info>.*?<\/info>//gsi;
  for my $block (split /<\/?(?:$blocks)\b[^>]*>/i, $text) {
    $block =~ s/<[^>]*>//gs;
    $block =~ s/&(#?\w+);/entity($1)/ge;
    show($block);
  }
}

sub show_pod {
  my ($text) = @_;
  for my $paragraph (split /\n\s*\n/, $text) {
    next if $paragraph =~ /^[=\s]/;
    1 while $paragraph =~ s/[BCEFILSXZ](?:<<+ (.*?) >>+|<([^<>]*)>)/($1 \/\/ $2) =~ s{\|.*$}{}sr/gse;
    show($paragraph);
  }
}

my @files = @ARGV ? @ARGV : map { chomp; $_ } <STDIN>;
for my $file (@files) {
  open(my $in, '<:raw', $file) or die "$file: $!\n";
  local $/;
  my $text = <$in>;
  utf8::decode($text) or utf8::upgrade($text);  # otherwise Latin-1
  $file =~ /\.pod$/ ? show_pod($text) : show_markup($text);
}

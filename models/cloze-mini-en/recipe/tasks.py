"""Makes cloze tasks from free text: a text, a pattern with one mask, some candidate words and which of them is right.

    apt-get download wordnet-base && dpkg -x wordnet-base*.deb wn
    pip install tokenizers zstandard numpy vaderSentiment==3.3.2
    python3 tasks.py --tokenizer tokenizer.json --text TEXT --wordnet wn/usr/share/wordnet --out tasks.npz [--show 3]

No task is made from a data set that cloze is measured on, and no pattern is one that `cloze init` writes or that those data sets are asked with.
Each kind of task is a function that yields (kind, text with [MASK], candidate words, right one); all words are single tokens.

    keyword    a passage of an article; a word that is typical of the whole article (by tf-idf)
    type       an article's first sentences; what the first one says that it is ("X is a river in ...")
    heading    a section's first sentences; the heading
    wordnet    a definition; the word it defines, or a more general one
    sense      a definition or an article's beginning, also as a question; person, place, animal, event, ...
    opinion    a sentence whose words have a clear sentiment (VADER); good or bad, by many names
    targeted   such a sentence; the word with the strongest sentiment is masked
    inference  two sentences, of which one is a shortened or changed copy of the other, or not; yes, no, maybe
    register   a passage; is it from a story or an encyclopedia, is it told or a fact
"""

import argparse
import collections
import json
import math
import pathlib
import random
import re

import numpy as np
import zstandard
from tokenizers import Tokenizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("--tokenizer", required=True)
args.add_argument("--text", required=True, type=pathlib.Path)
args.add_argument("--wordnet", required=True, type=pathlib.Path)
args.add_argument("--out", required=True, type=pathlib.Path)
args.add_argument("--table", type=pathlib.Path, help="write them as a table for `cloze adapt --tasks` too, in JSON Lines")
args.add_argument("--tokens", type=int, default=64, help="longest task")
args.add_argument("--share", type=float, default=1.0, help="make only this share of every kind")
args.add_argument("--show", type=int, default=0, help="print so many tasks of every kind")
args = args.parse_args()

tokenizer = Tokenizer.from_file(args.tokenizer)
tokenizer.no_truncation(), tokenizer.no_padding()
VOCAB = tokenizer.get_vocab()
WORDS = {word for word in VOCAB if re.fullmatch("[a-z]{3,}", word)}
STOP = set(
    """the and for that with from this which were was are been has have had his her their its not but they you she who him them also more most
    other some such than then there these those into over after before when where while what will would could should about between during under
    only many any all one two three first second new may can same each both well used using made make known called name because very often much
    however being until since within without through around against near part later early several including became become like years year time
    people said upon must shall might every never ever little great good long came come went going himself herself itself down out now here how
    old own man men way just even still again two four five six seven eight nine ten hundred though although yet per does did doing done are isn
    non via list site links references external see website page category born died january february march april june july august september
    october november december monday tuesday wednesday thursday friday saturday sunday""".split()
)
rng = random.Random(1)
count = lambda number: int(number * args.share)
lower = lambda text: text[:1].lower() + text[1:]


def read(name):
    text = zstandard.ZstdDecompressor().stream_reader(open(args.text / f"{name}.txt.zst", "rb")).read().decode("utf8", "ignore")
    return [document.split("\n") for document in text.split("\n\n") if len(document) > 100]


def sentences(line):
    return [part for part in re.split(r"(?<=[.!?]) +(?=[\"'A-Z0-9])", line.strip()) if 20 < len(part) < 400]


def some(population, number, without=()):
    """So many different ones of a list, none of them in `without`; fewer if luck has it."""
    chosen = []
    for _ in range(4 * number):
        if len(chosen) == number:
            break
        one = rng.choice(population)
        if one not in chosen and one not in without:
            chosen.append(one)
    return chosen


def asked(patterns, **parts):
    return rng.choice(patterns).format(m="[MASK]", **parts)


# ---- WordNet and texts ----
def synsets(part):
    found = {}
    for line in open(args.wordnet / f"data.{part}", encoding="latin-1"):
        if line.startswith("  "):
            continue
        facts, gloss = line.split(" | ", 1)
        fields = facts.split()
        size = int(fields[3], 16)
        words = [fields[4 + 2 * i].lower() for i in range(size)]
        pointers = fields[5 + 2 * size :]
        links = [(pointers[i], pointers[i + 1], pointers[i + 3]) for i in range(0, len(pointers) - 3, 4)]
        found[fields[0]] = dict(file=fields[1], words=words, links=links, gloss=re.split(r'[;:]? *"', gloss)[0].strip())
    return found


NOUNS, VERBS, ADJECTIVES = synsets("noun"), synsets("verb"), synsets("adj")
NAMES = {word for entry in NOUNS.values() for word in entry["words"]} & WORDS - STOP

articles = read("simplewiki") + read("enwiki")
rng.shuffle(articles)
novels = [line for document in read("novels") for line in document if len(line) > 60]
rng.shuffle(novels)
told = (sentence for line in novels for sentence in sentences(line))

appears = collections.Counter()
for article in articles:
    appears.update(set(re.findall("[a-z]{3,}", " ".join(article).lower())) & WORDS - STOP)
KEYS = {word for word, number in appears.items() if 40 <= number <= 12000} & NAMES

TOPIC = """{t} It deals with {m}.|Keyword: {m}. {t}|{t} In one word: {m}.|Filed under {m}: {t}|{t} (tag: {m})|A text on {m}. {t}|{t} What is it
about? {m}.|We are talking about {m} here. {t}|{t} The main theme is {m}.|Theme: {m} / {t}|{t} Has to do with {m}.|{m} - {t}|{t} - {m}|{t} That
concerns {m}.|Here you can read about {m}. {t}|{t} Keywords: {m}|{t} It is a text about {m}.|Field: {m}. {t}|{t} They speak of {m}.|Department: {m}. {t}|{t} {m}
is what they mean.|Please send this to the {m} people: {t}|{t} The word for it is {m}.|Title: {m} Text: {t}""".replace("\n", " ").split("|")


def keyword():
    last = some(sorted(KEYS), 60)
    for article in articles:
        body = " ".join(article)
        words = collections.Counter(word for word in re.findall("[a-z]{3,}", body.lower()) if word in KEYS)
        best = sorted(words, key=lambda word: -words[word] * math.log(len(articles) / appears[word]))[:4]
        best = [word for word in best if words[word] > 1]
        parts = [part for line in article for part in sentences(line)]
        if not best or len(parts) < 2:
            continue
        for _ in range(1 + (len(parts) > 6) + (len(parts) > 20)):
            word = rng.choice(best)
            at = rng.randrange(len(parts))
            text = " ".join(parts[at : at + rng.choice([1, 1, 2])])
            if re.search(rf"\b{word}", text.lower()) and rng.random() < 0.75:
                continue
            if rng.random() < 0.2:
                text = lower(text).rstrip(".")
            others = [other for other in last if other not in words and other != word]
            if len(others) < 12:
                continue
            yield asked(TOPIC, t=text), [word, *some(others, rng.randint(3, 9))], word
            last[rng.randrange(len(last))] = word


IS_A = re.compile(r"^(.{3,80}?) (?:is|was|are|were) (?:an?|the|one of the) ([^.;:]{3,120})")
KIND = """{t} It is a kind of {m}.|{t} What is described? A {m}.|The {m}: {t}|{t} Type: {m}.|About a {m}. {t}|{t} It is one more {m}.|{m} | {t}|{t} So it
must be a {m}.|Describe a {m}. {t}|Entry for a {m}. {t}|{t} Class: {m}""".replace("\n", " ").replace("{m} | {t}", "{m}: \"{t}\"").split("|")


def head_noun(article):
    if not (found := IS_A.match(article[0].split("\n")[0] if not len(article[0]) < 60 or len(article) == 1 else article[1])):
        return None
    phrase = re.split(r"\b(?:in|of|who|that|which|from|by|for|with|and|at|on|to|or|where|played|made|located|based|based|used|born|near)\b|[,(]", found[2])[0].split()
    return (found[1], phrase[-1].lower(), found[0]) if phrase and phrase[-1].lower() in NAMES else None


def kinds():
    found = [(article, *noun) for article in articles if (noun := head_noun(article))]
    often = collections.Counter(noun for _, _, noun, _ in found)
    often = {noun: number for noun, number in often.items() if number >= 8}
    return [one for one in found if one[2] in often], often


def kind_of_thing():
    found, often = kinds()
    nouns = [noun for noun, number in often.items() for _ in range(int(math.sqrt(number)))]
    seen = collections.Counter()
    for article, title, noun, begin in found:
        seen[noun] += 1
        if seen[noun] > 40 * math.sqrt(often[noun]):
            continue
        parts = [part for line in article for part in sentences(line)]
        first = next((part for part in parts if part.startswith(begin[:20])), None)
        rest = [part for part in parts if part is not first][: rng.choice([1, 2])]
        text = " ".join(rest) if rest and (first is None or rng.random() < 0.5) else re.sub(rf"\b{noun}\b", rng.choice(["one", "thing", "[UNK]"]), first or begin)
        yield asked(KIND, t=text), [noun, *some(nouns, rng.randint(3, 9), {noun})], noun


HEADING = """Section {m}: {t}|{t} This belongs under {m}.|{t} The section is called {m}.|Chapter: {m}. {t}|{t} Heading: {m}|More on {m}: {t}|{t} See
also: {m}.|{m} . {t}""".replace("\n", " ").split("|")


def heading():
    found = []
    for article in articles:
        for above, below in zip(article, article[1:]):
            words = re.findall("[a-z]{3,}", above.lower())
            words = [word for word in words if word in NAMES]
            if len(above) < 40 and above.endswith(".") and len(words) == 1 and len(below) > 60 and (parts := sentences(below)):
                found.append((words[0], parts))
    often = {word: number for word, number in collections.Counter(word for word, _ in found).items() if number >= 10}
    others = [word for word, number in often.items() for _ in range(int(math.sqrt(number)))]
    seen = collections.Counter()
    for word, parts in found:
        seen[word] += 1
        if word in often and seen[word] <= 60 * math.sqrt(often[word]) and not re.search(rf"\b{word}", parts[0].lower()):
            yield asked(HEADING, t=" ".join(parts[: rng.choice([1, 2])])), [word, *some(others, rng.randint(3, 9), {word})], word


# ---- WordNet ----
SENSES = dict(
    n03=None, n04="activity action", n05="animal creature", n06="object thing product", n07="quality", n08="body", n09="idea subject knowledge",
    n10="message language communication", n11="event", n12="feeling emotion", n13="food", n14="group organization", n15="place location area", n17="nature object",
    n18="person human individual", n19="process", n20="plant", n21="money property", n22="process", n23="number quantity amount", n25="shape form", n26="state condition",
    n27="substance material", n28="time period date",
)


DEFINED = """{t}: that is called {m}.|{m} means: {t}|The meaning of {m} is {t}|{t} - the word is {m}|Dictionary. {m}: {t}|What do you call {t}? {m}.|{m} = {t}|Definition of {m}:
{t}|Think of {m}, that is, {t}""".replace("\n", " ").split("|")


def wordnet():
    for book in (NOUNS, VERBS, ADJECTIVES):
        every = [word for entry in book.values() for word in entry["words"] if word in WORDS]
        for entry in book.values():
            right = [word for word in entry["words"] if word in WORDS]
            above = [word for sign, where, _ in entry["links"] if sign == "@" and where in book for word in book[where]["words"] if word in WORDS]
            if above and (not right or rng.random() < 0.3):
                word, name = rng.choice(above), entry["words"][0].replace("_", " ")
                text = f"{name}: {entry['gloss']}" if rng.random() < 0.5 else entry["gloss"]
                yield asked(KIND, t=text), [word, *some(every, rng.randint(3, 9), {word, *right, *above})], word
            elif right and len(entry["gloss"]) > 15:
                word = rng.choice(right)
                yield asked(DEFINED, t=entry["gloss"]), [word, *some(every, rng.randint(3, 9), {word, *right, *above})], word


SENSE = """{t} It is about a {m}.|{t} One asks for a {m}.|{t} Which sort? {m}.|Answer with a {m}. {t}|{t} ({m})|{m}? {t}|Name the {m}: {t}|{t} Looking for: {m}|Sort: {m}
- {t}|{t} Expected: a {m}""".replace("\n", " ").split("|")
QUESTION = ["what is {t}?", "which one is {t}?", "do you know {t}?", "what do you call {t}?", "tell me {t}", "what was {t}?", "name {t}", "find {t}", "{t}", "{t}"]


def sense():
    senses = {file: words.split() for file, words in SENSES.items() if words}
    of_noun = {}
    for entry in sorted(NOUNS.items()):
        for word in entry[1]["words"]:
            of_noun.setdefault(word, "n" + entry[1]["file"])
    order = list(NOUNS.values())
    rng.shuffle(order)
    pool = [(entry["gloss"], "n" + entry["file"]) for entry in order]
    found, _ = kinds()
    for article, title, noun, begin in found:
        sort = of_noun.get(noun)
        if sort:
            sentence = next((part for line in article for part in sentences(line) if part.startswith(begin[:20])), begin)
            rest = sentence[len(title) :].strip()
            rest = re.sub("^(is|was|are|were) ", "", rest)
            pool.append((rng.choice([sentence, rest.rstrip("."), rest.rstrip(".")]), sort))
    # Digits, dates and amounts, which are asked for by many questions.
    for article in articles[:30000]:
        for part in [part for line in article for part in sentences(line)][:6]:
            if found_year := re.search(r"\b(?:in|since|until) (1[0-9]{3}|20[0-2][0-9])\b", part):
                pool.append((part.replace(found_year[0], rng.choice(["when", "in what year"])), "n28"))
            elif found_number := re.search(r"\b([0-9][0-9,.]*|two|three|four|five|six|seven|eight|nine|ten|hundreds|thousands) (?=[a-z]+s\b)", part):
                pool.append((part.replace(found_number[0], rng.choice(["how many ", "what number of "])), "n23"))
    rng.shuffle(pool)
    seen = collections.Counter()
    for text, file in pool:
        seen[file] += 1
        if file in senses and seen[file] < 6000 and len(text) > 15:
            word = rng.choice(senses[file])
            others = [rng.choice(senses[other]) for other in some(sorted(senses), rng.randint(3, 6), {file})]
            others = [other for other in dict.fromkeys(others) if other not in senses[file]]
            yield asked(SENSE, t=rng.choice(QUESTION).format(t=lower(text))), [word, *others], word


# ---- sentiment ----
vader = SentimentIntensityAnalyzer()
FINE = {word: score for word, score in vader.lexicon.items() if word in WORDS}
GOOD = """good great nice excellent wonderful fine positive lovely brilliant beautiful perfect fantastic amazing superb pleasant delightful happy best better
fun awesome charming impressive success right favorable enjoyable likes love recommended""".split()
BAD = """bad terrible poor awful horrible negative dreadful ugly disappointing worst worse boring sad weak wrong unpleasant nasty sorry failure hate painful unhappy
miserable disaster disgusting avoid stupid""".split()
MIDDLE = "average okay ordinary neutral normal usual mixed average typical common".split()
GOOD, BAD, MIDDLE = ([word for word in words if word in WORDS] for words in (GOOD, BAD, MIDDLE))
FEELING = """{t} Quite {m}.|{t} That sounds {m}.|How is it? {m}. {t}|{t} How {m} that is!|Overall {m}. {t}|{t} My impression: {m}.|A {m} impression. {t}|{t} I would call it {m}.|{t} One
word for this is {m}.|{m}, I would say. {t}|{t} The tone is {m}.|Mood: {m}. {t}|{t} Verdict: {m}.|{t} Was it good or bad? {m}.|{t} In short: {m}.|Opinion: {m}
/ {t}""".replace("\n", " ").split("|")


def feelings():
    """Sentences of stories and articles with their VADER score, without end."""
    plain = (part for article in articles for line in article[:6] for part in sentences(line))
    for number, sentence in enumerate(told):
        if number % 5 == 0:
            sentence = next(plain)
        sentence = sentence.replace("_", "").strip()
        if 5 <= sentence.count(" ") <= 40:
            yield sentence, vader.polarity_scores(sentence)["compound"]


def opinion():
    for sentence, score in feelings():
        if abs(score) < 0.62 and not (abs(score) < 0.02 and rng.random() < 0.03):
            continue
        right, wrong = (GOOD, BAD) if score > 0.3 else (BAD, GOOD) if score < -0.3 else (MIDDLE, GOOD + BAD)
        if abs(score) >= 0.62 and rng.random() < 0.15:
            wrong = wrong + MIDDLE
        word = rng.choice(right)
        sentence = rng.choice([sentence, sentence, lower(sentence), sentence.lower()])
        yield asked(FEELING, t=sentence), [word, *some(wrong, rng.choice([1, 1, 2, 3]), {word})], word


def targeted():
    strong = [word for word, score in FINE.items() if abs(score) > 1.2]
    for sentence, score in feelings():
        inside = [word for word in re.findall(r"\b[a-z]+\b(?!['-])", sentence) if abs(FINE.get(word, 0)) > 1.2]
        if inside:
            word = max(inside, key=lambda one: abs(FINE[one]))
            against = [other for other in some(strong, 16, {word}) if FINE[other] * FINE[word] < 0]
            if len(against) >= 3:
                yield re.sub(rf"\b{word}\b", "[MASK]", sentence, count=1), [word, *against[: rng.randint(3, 6)]], word


# ---- inference ----
OPPOSITE, SAME, ABOVE = {}, {}, {}
for book in (NOUNS, VERBS, ADJECTIVES):
    for entry in book.values():
        singles = [word for word in entry["words"] if word in WORDS]
        for sign, where, which in entry["links"]:
            if sign == "!" and where in book and entry["words"][int(which[:2], 16) - 1] in WORDS:
                OPPOSITE.setdefault(entry["words"][int(which[:2], 16) - 1], book[where]["words"][int(which[2:], 16) - 1].split("(")[0])
            if sign == "@" and book is NOUNS and where in book and singles and (wider := [word for word in book[where]["words"] if word in WORDS]):
                ABOVE.setdefault(entry["words"][0], wider[0])
        if len(singles) > 1 and book is ADJECTIVES:
            SAME.setdefault(singles[0], singles[1])
PAIR = """Given: {p} Then one can say: {h} {m}.|{p} It follows that {l}: {m}|Claim: {h} Source: {p} Verdict: {m}.|{p} So, {l} {m}!|If "{p}", is it the case that "{h}"? {m}.|{h} Correct?
{m}. {p}|First: {p} Second: {h} Do they agree? {m}.|{p} [SEP] {h} ({m})|We read: {p} Does this mean {l}? {m}.|"{h}" - {m}, since {l2}""".replace("\n", " ").split("|")
VERDICTS = [("yes", "no", "maybe"), ("true", "false", "unknown"), ("right", "wrong", "perhaps"), ("certainly", "never", "possibly"), ("correct", "incorrect", "unclear"), ("indeed", "impossible", "also")]


def shortened(sentence):
    """The sentence without its end or with its middle left out, which it still implies; none if there is no such place."""
    body = sentence.rstrip(".!?")
    cuts = [found.start() for found in re.finditer(r",? (?:in|on|at|during|with|because|after|before|from|for|when|where|which|while|and) |, ", body)]
    cuts = [cut for cut in cuts if 20 < cut < len(body) - 8 and " " in body[:cut][-12:]]
    return body[: rng.choice(cuts)] + "." if cuts and not re.search(r"\b(not|n't|if|unless|no|never|may|might|either|or)\b", body) else None


def swapped(sentence, table):
    words = [word for word in re.findall("[a-z]+", sentence) if word in table]
    return re.sub(rf"\b{(word := rng.choice(words))}\b", table[word], sentence, count=1) if words else None


def denied(sentence):
    found = list(re.finditer(r"\b(is|was|are|were|can|could|will|would|has|had)\b(?! not)", sentence))
    return sentence[: found[0].end()] + " not" + sentence[found[0].end() :] if found else None


def renumbered(sentence):
    found = re.search(r"\b[0-9]{1,4}\b", sentence)
    return sentence.replace(found[0], str(max(1, int(found[0]) + rng.choice([-30, -7, -3, 2, 5, 11, 40]))), 1) if found else None


def inference():
    for article in articles:
        parts = [part for line in article for part in sentences(line) if len(part) < 220]
        if len(parts) < 4:
            continue
        for _ in range(2 if len(parts) > 8 else 1):
            at = rng.randrange(len(parts))
            premise, answer = parts[at], rng.randrange(3)
            short = shortened(premise)
            if answer == 0:
                hypothesis = short
                if short and rng.random() < 0.6:
                    hypothesis = swapped(short, ABOVE if rng.random() < 0.5 else SAME) or short
            elif answer == 1:
                base = short if short and rng.random() < 0.7 else premise
                hypothesis = rng.choice([lambda s: swapped(s, OPPOSITE), denied, renumbered])(base)
            else:
                other = parts[(at + rng.randint(1, 3)) % len(parts)]
                hypothesis = shortened(other) or other
                if len(hypothesis) > 110:
                    hypothesis = None
                elif rng.random() < 0.35:
                    premise, hypothesis = (hypothesis, premise) if len(premise) < 110 else (premise, hypothesis)
            if hypothesis and hypothesis != premise:
                words = rng.choice(VERDICTS)
                if answer < 2 and rng.random() < 0.4:
                    words = words[:2]
                yield asked(PAIR, p=premise, h=hypothesis, l=lower(hypothesis), l2=lower(premise)), list(words), words[answer]


def register():
    patterns = "{t} Found in a {m}.|A line of a {m}: {t}|{t} This is {m}.|Style: {m}. {t}".split("|")
    plain = (part for article in articles for line in article for part in sentences(line))
    stories, facts = ["novel", "story", "tale", "fiction", "personal", "opinion"], ["encyclopedia", "lexicon", "textbook", "fact", "information", "description"]
    for sentence in told:
        story = rng.random() < 0.5
        text = sentence if story else next(plain)
        word = rng.choice(stories if story else facts)
        yield asked(patterns, t=text), [word, *some(facts if story else stories, rng.choice([1, 2]), {word})], word


# ---- out ----
KINDS = [(keyword, 190000), (kind_of_thing, 60000), (heading, 50000), (wordnet, 60000), (sense, 60000), (opinion, 90000), (targeted, 50000), (inference, 80000), (register, 15000)]
MASK = VOCAB["[MASK]"]
rows, positions, candidates, targets, sorts, table = [], [], [], [], [], []
for sort, (make, number) in enumerate(KINDS):
    made, shown, block = 0, 0, []

    def keep(block):
        kept = 0
        for encoding, (text, words, right) in zip(tokenizer.encode_batch([text for text, _, _ in block]), block):
            ids = encoding.ids
            words = list(dict.fromkeys(words))
            if len(ids) > args.tokens or ids.count(MASK) != 1 or any(word not in VOCAB for word in words) or len(words) < 2:
                continue
            rng.shuffle(words)
            words = words if right in words[:10] else [right, *words[:9]]
            if args.table:
                table.append({"text": text.replace("[MASK]", "{mask}"), "words": " ".join(words[:10]), "answer": right})
            rows.append(ids), positions.append(ids.index(MASK)), sorts.append(sort)
            candidates.append([VOCAB[word] for word in words[:10]]), targets.append(words.index(right))
            kept += 1
        return kept

    for text, words, right in make():
        if shown < args.show:
            shown += 1
            print(f"  {make.__name__:14}{text}   {words}")
        block.append((text, words, right))
        if len(block) == 2000:
            made, block = made + keep(block), []
            if made >= count(number):
                break
    made += keep(block)
    print(f"{make.__name__}: {made}", flush=True)

order = np.random.default_rng(0).permutation(len(rows))
ids = np.zeros((len(rows), args.tokens), dtype=np.uint16)
choice = np.full((len(rows), 10), -1, dtype=np.int16)
for at, row in enumerate(order):
    ids[at, : len(rows[row])], choice[at, : len(candidates[row])] = rows[row], candidates[row]
pick = lambda values, kind: np.array(values, dtype=kind)[order]
np.savez_compressed(args.out, ids=ids, candidates=choice, position=pick(positions, np.uint8), target=pick(targets, np.uint8), sort=pick(sorts, np.uint8))
if args.table:
    args.table.write_text("".join(json.dumps(table[row]) + "\n" for row in order))
print(len(rows), "tasks,", sum(map(len, rows)) / 1e6, "M tokens,", args.out.stat().st_size / 1e6, "MB")

# SPDX-License-Identifier: EUPL-1.2
"""Makes the demonstration's civil status register: an SQLite file with invented persons in families.

    make_register.py schema.sql OUT.db

The same persons every time, on every machine: all choices come from one small generator with a fixed seed, and ages
count from a fixed day. Nobody in it exists. Personal numbers begin with 9, but for those of the known persons that
README.md lists.
"""
import datetime
import os
import sqlite3
import sys
import unicodedata

PERSONS = 1000
TODAY = datetime.date(2026, 1, 1)

# Number, names in Albanian, Serbian and English, postal code. The numbering is this example's own.
MUNICIPALITIES = [
    ("Prishtinë", "Priština", "Pristina", "10000"), ("Mitrovicë e Jugut", "Južna Mitrovica", "South Mitrovica", "40000"),
    ("Pejë", "Peć", "Peja", "30000"), ("Prizren", "Prizren", "Prizren", "20000"),
    ("Ferizaj", "Uroševac", "Ferizaj", "70000"), ("Gjilan", "Gnjilane", "Gjilan", "60000"),
    ("Gjakovë", "Đakovica", "Gjakova", "50000"), ("Podujevë", "Podujevo", "Podujeva", "11000"),
    ("Fushë Kosovë", "Kosovo Polje", "Fushe Kosova", "12000"), ("Gllogoc", "Glogovac", "Gllogoc", "13000"),
    ("Lipjan", "Lipljan", "Lipjan", "14000"), ("Obiliq", "Obilić", "Obiliq", "15000"),
    ("Novobërdë", "Novo Brdo", "Novo Brdo", "16000"), ("Rahovec", "Orahovac", "Rahovec", "21000"),
    ("Dragash", "Dragaš", "Dragash", "22000"), ("Suharekë", "Suva Reka", "Suhareka", "23000"),
    ("Malishevë", "Mališevo", "Malisheva", "24000"), ("Istog", "Istok", "Istog", "31000"),
    ("Klinë", "Klina", "Klina", "32000"), ("Skenderaj", "Srbica", "Skenderaj", "41000"),
    ("Vushtrri", "Vučitrn", "Vushtrri", "42000"), ("Leposaviq", "Leposavić", "Leposavic", "43000"),
    ("Deçan", "Dečani", "Decan", "51000"), ("Viti", "Vitina", "Viti", "61000"),
    ("Kamenicë", "Kosovska Kamenica", "Kamenica", "62000"), ("Kaçanik", "Kačanik", "Kacanik", "71000"),
    ("Shtime", "Štimlje", "Shtime", "72000"), ("Shtërpcë", "Štrpce", "Strpce", "73000"),
    ("Zubin Potok", "Zubin Potok", "Zubin Potok", "40650"), ("Zveçan", "Zvečan", "Zvecan", "40660"),
    ("Mamushë", "Mamuša", "Mamusha", "20500"), ("Hani i Elezit", "Elez Han", "Hani i Elezit", "71510"),
    ("Junik", "Junik", "Junik", "51050"), ("Graçanicë", "Gračanica", "Gracanica", "10500"),
    ("Ranillug", "Ranilug", "Ranilug", "62520"), ("Partesh", "Parteš", "Partesh", "60510"),
    ("Kllokot", "Klokot", "Klokot", "61020"), ("Mitrovicë e Veriut", "Severna Mitrovica", "North Mitrovica", "40100"),
]

# A community: family names, men's and women's given names, municipalities its families live in (from 1), share in 100.
COMMUNITIES = [
    (86,
     "Krasniqi Gashi Berisha Shala Hoxha Morina Bytyqi Thaçi Kelmendi Rexhepi Osmani Ahmeti Zeqiri Kastrati Haliti Sadiku "
     "Kurtishi Avdiu Bajrami Çela Demiri Elshani Fazliu Gërvalla Hyseni Islami Jashari Lajçi Mehmeti Nimani Pllana Ramadani "
     "Selmani Tahiri Ukaj Veliu Xhemajli Ymeri Zogaj Limani".split(),
     "Agim Arben Ardit Bekim Besnik Blerim Burim Driton Dukagjin Edon Fatos Fisnik Flamur Gëzim Ilir Jeton Kushtrim Labinot "
     "Leotrim Lirim Luan Mentor Naim Petrit Qëndrim Rinor Shpend Skënder Taulant Valon Vigan Ylli Zef".split(),
     "Afërdita Albana Arbnora Ardiana Besa Blerta Donjeta Drita Edona Elira Fatime Fjolla Flutura Gresa Hana Jehona Kaltrina "
     "Lindita Liridona Lule Mimoza Mirlinda Njomza Pranvera Qëndresa Rina Shpresa Teuta Valbona Vesa Yllka Zana".split(),
     [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 32, 33]),
    (7,
     "Jovanović Petrović Nikolić Stojanović Ilić Milić Simić Đorđević Marković Savić Kostić Antić".split(),
     "Aleksandar Bojan Dejan Goran Ivan Jovan Marko Miloš Nenad Petar Srđan Vladimir".split(),
     "Ana Biljana Danijela Ivana Jelena Ljiljana Marija Milica Nataša Snežana Tatjana Vesna".split(),
     [13, 22, 28, 29, 30, 34, 35, 36, 37, 38]),
    (3, "Ramić Hadžić Šabović Muratović Kurtović".split(), "Adnan Emir Haris Jasmin Mirza Senad".split(),
     "Amela Amra Elma Lejla Merima Selma".split(), [3, 4, 15, 18]),
    (2, "Kabashi Mazrek Safçi Şahin Yılmaz".split(), "Cengiz Ergin Hakan Levent Orhan".split(),
     "Aylin Ebru Fatma Sevgi Zeynep".split(), [4, 31]),
    (2, "Berisha Gashi Toplica Emini Sejdiu".split(), "Bajram Kujtim Muharrem Nexhat Sabri".split(),
     "Hatixhe Mevlyde Nexhmije Sabile Shkurte".split(), [1, 9, 7, 12]),
]

STREETS = ("Rruga e Dëshmorëve", "Rruga Nëna Terezë", "Rruga e Paqes", "Rruga Skënderbeu", "Rruga e Lirisë",
           "Rruga 17 Shkurti", "Bulevardi i Pavarësisë", "Rruga e Bjeshkëve", "Ulica Lole Ribara", "Rruga e Kullës")


def folded(name):
    """A name in lower case and without marks, as the adapter folds what is searched for (adapters/sql/sql_fold.h)."""
    plain = name.translate(str.maketrans("đĐı", "ddi"))
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c)).lower()


class Choice:
    """A 64-bit linear congruential generator (Knuth's MMIX constants); its upper half is good enough for names."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % count

    def of(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def day_of(self, year):
        return datetime.date(year, 1, 1) + datetime.timedelta(days=self.below(365))


class Register:
    def __init__(self):
        self.choice = Choice(20081702)
        self.persons = {}
        self.marriages = []
        self.single = []  # personal numbers of grown-ups who may marry
        self.serial = 0
        self.entry_numbers = {}

    def number(self):
        self.serial += 1
        # Multiplying by a number prime to 10^8 scatters the serial over all numbers, without a repeat.
        return "9%09d" % (self.serial * 61803399 % 10**9)

    def community(self):
        share = self.choice.below(100)
        for community in COMMUNITIES:
            share -= community[0]
            if share < 0:
                return community
        return COMMUNITIES[0]

    def add(self, community, sex, born, family_name, municipality, father=None, mother=None, number=None,
            given_name=None):
        """One person; of a founder's parents the books hold only names."""
        choice = self.choice
        person = {
            "number": number or self.number(),
            "community": community,
            "sex": sex,
            "given_name": given_name or choice.of(community[2 if sex == 1 else 3]),
            "family_name": family_name,
            "birth_family_name": family_name,
            "born": born,
            "birth_municipality": municipality,
            "municipality": municipality,
            "father": father and father["number"],
            "mother": mother and mother["number"],
            "father_name": father["given_name"] if father else choice.of(community[2]),
            "mother_name": mother["given_name"] if mother else choice.of(community[3]),
            "mother_family": mother["birth_family_name"] if mother else choice.of(community[1]),
            "street": choice.of(STREETS),
            "house": str(1 + choice.below(180)),
            "status": "SINGLE",
            "died": None,
        }
        age = TODAY.year - born.year
        if age > 60 and choice.chance(min(95, (age - 60) * 2)):
            died = choice.day_of(born.year + 60 + choice.below(age - 60 + 1))
            person["died"] = died if died < TODAY else None
        self.persons[person["number"]] = person
        return person

    def marry(self, husband, wife, year, lasting=False):
        """The wife takes the husband's name and both live at his address."""
        choice = self.choice
        married_on = choice.day_of(year)
        ended_on = None
        deaths = [spouse["died"] for spouse in (husband, wife) if spouse["died"] and spouse["died"] > married_on]
        if deaths:
            ended_on = min(deaths)
            status = "WIDOWED"
        elif not lasting and choice.chance(8):
            ended_on = married_on + datetime.timedelta(days=700 + choice.below(3000))
            ended_on = ended_on if ended_on < TODAY else None
            status = "DIVORCED" if ended_on else "MARRIED"
        else:
            status = "MARRIED"
        for spouse in (husband, wife):
            spouse["status"] = "MARRIED" if spouse["died"] and spouse["died"] == ended_on else status
        wife["family_name"] = husband["family_name"]
        for key in ("municipality", "street", "house"):
            wife[key] = husband[key]
        self.marriages.append((husband["number"], wife["number"], married_on, husband["municipality"], ended_on))
        return married_on, ended_on

    def couple(self, community, born_year):
        choice = self.choice
        municipality = choice.of(community[4])
        husband = self.add(community, 1, choice.day_of(born_year), choice.of(community[1]), municipality)
        wife = self.add(community, 2, choice.day_of(born_year + choice.below(6)), choice.of(community[1]), municipality)
        return husband, wife

    def children(self, husband, wife, married_on, ended_on, count):
        choice = self.choice
        born = married_on
        last = min(filter(None, (ended_on, TODAY, datetime.date(wife["born"].year + 45, 1, 1))))
        for _ in range(count):
            born += datetime.timedelta(days=330 + choice.below(1100))
            if born >= last or len(self.persons) >= PERSONS:
                return
            child = self.add(husband["community"], 1 + choice.below(2), born, husband["family_name"],
                             husband["municipality"], husband, wife)
            child["street"], child["house"] = husband["street"], husband["house"]
            if TODAY.year - born.year >= 24 and not child["died"]:
                self.single.append(child)

    def found_families(self):
        """Founders born in the thirties to fifties, and their children."""
        for _ in range(90):
            husband, wife = self.couple(self.community(), 1932 + self.choice.below(26))
            married_on, ended_on = self.marry(husband, wife, wife["born"].year + 20 + self.choice.below(6))
            self.children(husband, wife, married_on, ended_on, 2 + self.choice.below(4))

    def marry_next(self):
        """The eldest single grown-up marries somebody fitting of another family, if there is anybody."""
        eldest = min(self.single, key=lambda person: (person["born"], person["number"]))
        self.single.remove(eldest)
        fitting = [other for other in self.single
                   if other["sex"] != eldest["sex"] and other["community"] is eldest["community"]
                   and other["father"] != eldest["father"] and abs(other["born"].year - eldest["born"].year) < 8]
        if not fitting or self.choice.chance(12):
            return
        other = self.choice.of(fitting)
        self.single.remove(other)
        husband, wife = (eldest, other) if eldest["sex"] == 1 else (other, eldest)
        year = max(husband["born"].year, wife["born"].year) + 22 + self.choice.below(7)
        if year < TODAY.year:
            married_on, ended_on = self.marry(husband, wife, year)
            self.children(husband, wife, married_on, ended_on, self.choice.below(5))

    def known_persons(self):
        """A family that demonstrations and tests may name; see README.md."""
        day = datetime.date
        albanian = COMMUNITIES[0]
        grandfather = self.add(albanian, 1, day(1955, 5, 2), "Krasniqi", 1, number="1234567894", given_name="Skënder")
        grandmother = self.add(albanian, 2, day(1958, 9, 14), "Hoxha", 1, number="1234567895", given_name="Drita")
        grandfather["died"] = grandmother["died"] = None
        self.marry(grandfather, grandmother, 1981, lasting=True)
        arta = self.add(albanian, 2, day(1985, 3, 27), "Krasniqi", 1, grandfather, grandmother, "1234567890", "Arta")
        driton = self.add(albanian, 1, day(1983, 11, 8), "Berisha", 4, number="1234567891", given_name="Driton")
        self.marry(driton, arta, 2009, lasting=True)
        vesa = self.add(albanian, 2, day(2011, 6, 19), "Berisha", 4, driton, arta, "1234567892", "Vesa")
        lirim = self.add(albanian, 1, day(2014, 1, 30), "Berisha", 4, driton, arta, "1234567893", "Lirim")
        for child in (vesa, lirim):
            child["street"], child["house"] = driton["street"], driton["house"]
        alone = self.add(COMMUNITIES[1], 1, day(1938, 2, 11), "Petrović", 34, number="1234567899", given_name="Jovan")
        alone["died"] = day(2019, 12, 24)

    def fill(self):
        self.known_persons()
        self.found_families()
        while self.single and len(self.persons) < PERSONS:
            self.marry_next()
        while len(self.persons) < PERSONS:  # newcomers round the number off
            community = self.community()
            person = self.add(community, 1 + self.choice.below(2), self.choice.day_of(1970 + self.choice.below(30)),
                              self.choice.of(community[1]), self.choice.of(community[4]))
            person["died"] = None

    # --- rows

    def person_row(self, person):
        town = MUNICIPALITIES[person["municipality"] - 1]
        birth_town = MUNICIPALITIES[person["birth_municipality"] - 1]
        names = (person["given_name"], person["family_name"], person["birth_family_name"])
        return (person["number"], *names, *map(folded, names), person["sex"],
                person["born"].isoformat(), birth_town[0], person["birth_municipality"], person["status"],
                person["father"], person["mother"], person["father_name"], person["mother_name"],
                person["mother_family"], person["street"], person["house"], town[0], person["municipality"],
                person["died"] and person["died"].isoformat())

    def document_rows(self):
        """An identity card from 16, a passport for some."""
        serial = 0
        for person in self.persons.values():
            age = TODAY.year - person["born"].year
            kinds = [("IDENTITY_CARD", "L", age >= 17), ("PASSPORT", "P", self.choice.chance(60))]
            for kind, letter, has in kinds:
                if not has or person["died"]:
                    continue
                serial += 1
                issued = self.choice.day_of(max(2017, person["born"].year + 1) + self.choice.below(8))
                issued = min(issued, datetime.date(2025, 12, 1))
                until = issued.replace(year=issued.year + 10, day=min(issued.day, 28))
                yield ("%s%08d" % (letter, serial * 7919 % 10**8), person["number"], kind, issued.isoformat(),
                       until.isoformat(), "Agjencia e Regjistrimit Civil")

    def birth_rows(self):
        """Entries of each office and year are numbered as they come; a page holds two, a book two hundred."""
        for person in sorted(self.persons.values(), key=lambda person: (person["born"], person["number"])):
            place = (person["birth_municipality"], person["born"].year)
            number = self.entry_numbers[place] = self.entry_numbers.get(place, 0) + 1 + self.choice.below(40)
            registered = person["born"] + datetime.timedelta(days=1 + self.choice.below(20))
            yield (person["number"], place[0], place[1], 1 + number // 200, 1 + number % 200 // 2, number,
                   registered.isoformat())

    def citizenship_rows(self):
        for person in self.persons.values():
            yield (person["number"], "XK")
            if self.choice.chance(9):
                yield (person["number"], self.choice.of(("AL", "CH", "DE", "RS", "US")))


def insert(database, table, rows):
    rows = list(rows)
    database.executemany("INSERT INTO %s VALUES (%s)" % (table, ",".join("?" * len(rows[0]))), rows)


def main(schema, out):
    register = Register()
    register.fill()
    fresh = out + ".new"
    if os.path.exists(fresh):
        os.unlink(fresh)
    database = sqlite3.connect(fresh)
    with open(schema, encoding="utf-8") as file:
        database.executescript(file.read())
    database.execute("PRAGMA foreign_keys = ON")
    with database:
        database.execute("PRAGMA defer_foreign_keys = ON")
        insert(database, "municipality", ((i + 1,) + row for i, row in enumerate(MUNICIPALITIES)))
        insert(database, "person", (register.person_row(person) for person in register.persons.values()))
        insert(database, "citizenship", register.citizenship_rows())
        insert(database, "document", register.document_rows())
        insert(database, "marriage", ((i + 1, husband, wife, married.isoformat(), place, ended and ended.isoformat())
                                      for i, (husband, wife, married, place, ended) in enumerate(register.marriages)))
        insert(database, "birth_entry", register.birth_rows())
    database.execute("ANALYZE")
    database.close()
    os.replace(fresh, out)  # whoever reads the old file keeps reading the old one


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_register.py schema.sql OUT.db")
    main(sys.argv[1], sys.argv[2])

import licences from 'spdx-license-list/full.js';

/** The SPDX list's text of a licence, as a package would carry it: with a name in place of the placeholders. */
export function licenceText(id: string, holder = 'Ada Example <ada@example.org>'): string {
  const text = licences[id]?.licenseText ?? '';
  return text
    .replaceAll(/<year>|\[year\]|\[yyyy\]|yyyy(?=,? )/g, '2020')
    .replaceAll(
      /<(?:copyright holders?|owner|name of (?:copyright owner|author))>|\[name of copyright owner\]/g,
      holder,
    );
}

// Every page, with what must be on it: in each language, on a desktop and a phone, in
// light and dark; compared with the committed pictures and looked at by axe.

export const pages = [
  { name: 'accounts', path: () => '/', sees: 'Commuters, working hours' },
  { name: 'agency', path: (w) => `/agencies/${w.agency.id}`, sees: 'North Media' },
  { name: 'advertiser', path: (w) => `/advertisers/${w.acme.id}`, sees: 'Acme Motors' },
  { name: 'campaign', path: (w) => `/campaigns/${w.campaign.id}`, sees: 'Weekend buyers' },
  { name: 'line-item', path: (w) => `/line-items/${w.line.id}`, sees: 'Commuters, working hours' },
  { name: 'new-campaign', path: () => '/new-campaign', sees: 'Acme Motors' },
  { name: 'no-such-page', path: () => '/nothing/here', sees: '' },
];

export async function checkPages(b, world) {
  for (const language of ['en', 'zh']) {
    for (const view of ['desktop', 'phone']) {
      await b.check(`${language}, ${view}: signing in`, async () => {
        await b.open({ view, language, key: '' });
        await b.accessible('sign-in');
        await b.picture(`sign-in-${view}-${language}`);
      });
      await b.open({ view, language });
      for (const p of pages) {
        await b.check(`${language}, ${view}: ${p.name}`, async () => {
          await b.go(p.path(world));
          if (p.sees) await b.page.getByText(p.sees).first().waitFor({ state: 'attached' });
          await b.accessible(p.name);
          await b.picture(`${p.name}-${view}-${language}`);
        });
      }
    }
  }
  await b.open({ scheme: 'dark' });
  for (const p of pages) {
    await b.check(`dark: ${p.name}`, async () => {
      await b.go(p.path(world));
      await b.accessible(p.name);
      await b.page.screenshot({ path: `${b.shots}/${p.name}-dark.png`, fullPage: true });
    });
  }
}

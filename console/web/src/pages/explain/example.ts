// A banner on a site, as small as a request can be and still find bids.
export const EXAMPLE = {
  id: 'example', tmax: 200, at: 1, cur: ['USD'], user: { id: 'u1' },
  imp: [{ id: '1', bidfloor: 0.1, bidfloorcur: 'USD', secure: 1, banner: { w: 300, h: 250, format: [{ w: 300, h: 250 }] } }],
  site: { id: 's', domain: 'news.example', page: 'https://news.example/a', publisher: { id: 'p' } },
  device: { ua: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', ip: '203.0.113.7', devicetype: 2, os: 'Windows', geo: { country: 'USA' } },
};

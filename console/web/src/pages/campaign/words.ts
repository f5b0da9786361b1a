import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'New campaign', accounts: 'Accounts', about: 'About', name: 'Name', start: 'Starts', end: 'Ends', status: 'Status',
  budget: 'Budget', budgetLead: 'Bounds all its line items together, beside their own budgets.',
  flights: 'Flights', flightsLead: 'Times with a budget of their own. What one leaves over is not the next one’s.',
  caps: 'Frequency caps', capsLead: 'Bind all its line items together.', newLine: 'New line item', duplicate: 'Duplicate',
  lines: 'Line items', noLines: 'No line items yet', noLinesText: 'A line item says who sees which ads, and what each may cost.',
  lineName: 'Name', state: 'State', pace: 'Spend and plan', bids: 'Bids today', impressions: 'Impr. today', bid: 'Highest bid',
}, {
  title: '新建广告活动', accounts: '账户', about: '基本信息', name: '名称', start: '开始', end: '结束', status: '状态',
  budget: '预算', budgetLead: '对其所有订单项的总限制，与各订单项自身预算同时生效。',
  flights: '排期', flightsLead: '各自带预算的时间段；某段未用完的预算不会结转到下一段。',
  caps: '频次上限', capsLead: '对其所有订单项合并计算。', newLine: '新建订单项', duplicate: '复制',
  lines: '订单项', noLines: '还没有订单项', noLinesText: '订单项决定谁看到哪些广告，以及每次最多花费多少。',
  lineName: '名称', state: '状态', pace: '花费与计划', bids: '今日出价', impressions: '今日展示', bid: '最高出价',
});

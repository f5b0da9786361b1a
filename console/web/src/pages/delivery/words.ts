import { messages } from '../../i18n/messages';

export const words = messages({
  delivery: 'Delivery', edit: 'Edit', history: 'Changes', explain: 'Explain a bid', accounts: 'Accounts', spend: 'Plan against spend', spendLead: 'Spend of today, hour by hour and added up, in {currency} on the clock of {zone}; the plan as it is set now.', planned: 'Planned', spent: 'Spent', noPlan: 'It has no budget to plan by.', nothing: 'Nothing today yet', nothingHint: 'No bid was made today. The bidder tells why for any request: use the bid explainer.',
  today: 'Today', winRate: 'Win rate by hour', winRateLead: 'Wins of bids, in percent.', exchanges: 'By exchange', sites: 'The ten dearest sites', week: 'The last 7 days', upTo: 'Reports until {at}.', bids: 'Bids', wins: 'Wins',
}, {
  delivery: '投放', edit: '编辑', history: '变更', explain: '解释竞价', accounts: '账户', spend: '计划与花费', spendLead: '今日逐小时累计花费（{currency}，时区 {zone}）；计划以当前设置为准。', planned: '计划', spent: '花费', noPlan: '没有可供规划的预算。', nothing: '今日还没有数据', nothingHint: '今日没有出价。竞价解释可以说明任一请求的原因。',
  today: '今日', winRate: '每小时胜率', winRateLead: '赢得占出价的百分比。', exchanges: '按交易平台', sites: '花费最高的十个站点', week: '最近 7 天', upTo: '报表截至 {at}。', bids: '出价', wins: '赢得',
});

import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Bid explainer', ask: 'What to explain', lead: 'Paste a bid request as the exchange sends it: the code that bids decides it, as of now, and says why. It takes no money and counts towards no cap.',
  request: 'Bid request (OpenRTB JSON)', exchange: 'Exchange', line: 'Line item', lineHint: 'An id; without one, those that came nearest to a bid.', explain: 'Explain', example: 'Insert an example', empty: 'Paste a bid request first.',
  wouldBid: 'It would bid', noBid: 'No bid: {why}', refused: 'The request is refused', privacy: 'Privacy', traffic: 'Traffic: {what}', supply: 'Supply: {what}', user: 'User key from: {from}', deadline: 'Time to answer: {n} ms', cut: 'The time for an explanation was over: some line items are missing.',
  impression: 'Impression {id}', offers: 'Takes: {what}', bids: 'Bids', counts: 'Line items by the first reason', lines: 'Line items', price: 'Price', deal: 'deal {id}', open: 'open auction', creative: 'Creative {id}', targeting: 'Targeting that refuses: {what}', how: 'How the price comes about', worth: 'Worth', paced: 'Paced to', converted: 'Converted', floor: 'Floor', bid: 'Bid', maxBid: 'Max bid', fee: 'Platform fee', ctr: 'Expected CTR', cap: 'Frequency cap: {what}', at: 'campaigns of generation {n}',
  follows: 'follows {what}',
}, {
  title: '竞价解释', ask: '解释内容', lead: '粘贴交易平台发送的竞价请求：由实际竞价代码按当前状态判断并说明原因。不产生费用，也不计入频次。',
  request: '竞价请求（OpenRTB JSON）', exchange: '交易平台', line: '订单项', lineHint: '编号；不填则显示最接近出价的订单项。', explain: '解释', example: '填入示例', empty: '请先粘贴竞价请求。',
  wouldBid: '会出价', noBid: '不出价：{why}', refused: '请求被拒', privacy: '隐私', traffic: '流量：{what}', supply: '供应链：{what}', user: '用户标识来源：{from}', deadline: '应答时限：{n} 毫秒', cut: '解释时间已到：部分订单项未列出。',
  impression: '展示 {id}', offers: '接受：{what}', bids: '出价', counts: '按首要原因统计订单项', lines: '订单项', price: '价格', deal: '交易 {id}', open: '公开竞价', creative: '创意 {id}', targeting: '不符的定向：{what}', how: '价格构成', worth: '价值', paced: '节奏系数', converted: '换算', floor: '底价', bid: '出价', maxBid: '最高出价', fee: '平台费', ctr: '预估点击率', cap: '频次上限：{what}', at: '配置版本 {n}',
  follows: '依据 {what}',
});

import { messages } from '../../i18n/messages';
import type { Dimension, FilterName, Metric, Range } from './report';

export const words = messages({
  title: 'Reports', views: 'Saved views', saveView: 'Save this view', viewName: 'Name of the view', save: 'Save', cancel: 'Cancel', share: 'Share', forget: 'Forget', viewSaved: '{name} is saved.', viewForgotten: '{name} and its links are gone.', shareTitle: 'Share {name}', shareLead: 'Whoever has the link reads exactly this view, without signing in, until it expires or you end it.', days: 'Days until it expires', makeLink: 'Make a link', newLink: 'The link; it is told this once', copy: 'Copy', copied: 'Copied.', links: 'Links in force', until: 'until {at}', endLink: 'End', needName: 'Give it a name.', sharedTitle: 'Shared report', gone: 'This link has expired or was ended. Ask who sent it for a new one.', close: 'Close', show: 'Show', dates: 'Dates', from: 'From', to: 'To', custom: 'Chosen days', by: 'Group by', figures: 'Figures', filters: 'Filters', addFilter: 'Add a filter', removeFilter: 'Remove', values: 'Values',
  valuesHint: 'Several with commas.', zone: 'Time zone', ownDays: 'Each advertiser’s own days', csv: 'Download CSV', table: 'Rows', totals: 'Total', rest: 'All others', chart: 'Over time', chartOf: 'Drawn', nothing: 'Nothing in these days',
  nothingHint: 'No bids, impressions or charges were counted for what is chosen. Try more days or fewer filters.', first: 'The first {n} rows; narrow the report or take the CSV.',
  preliminary: 'Preliminary', final: 'Final', preliminaryHint: 'Late events may still change it.', asOf: 'Everything until {at} is counted.', currencies: 'Amounts of several currencies are never added up: each has rows of its own.',
  downloading: 'The report was downloaded.', tooLong: 'At most {n}',
}, {
  title: '报表', views: '已存视图', saveView: '保存此视图', viewName: '视图名称', save: '保存', cancel: '取消', share: '分享', forget: '删除', viewSaved: '已保存 {name}。', viewForgotten: '已删除 {name} 及其链接。', shareTitle: '分享 {name}', shareLead: '持有链接者无需登录即可查看且仅能查看此视图，直至到期或被终止。', days: '有效天数', makeLink: '生成链接', newLink: '链接（仅显示一次）', copy: '复制', copied: '已复制。', links: '有效链接', until: '至 {at}', endLink: '终止', needName: '请输入名称。', sharedTitle: '分享的报表', gone: '链接已过期或被终止，请向发送者索取新链接。', close: '关闭', show: '显示', dates: '日期', from: '开始', to: '结束', custom: '自选日期', by: '分组', figures: '指标', filters: '筛选', addFilter: '添加筛选', removeFilter: '移除', values: '取值',
  valuesHint: '多个取值用逗号分隔。', zone: '时区', ownDays: '各广告主自己的日期', csv: '下载 CSV', table: '明细', totals: '合计', rest: '其他', chart: '走势', chartOf: '图示', nothing: '所选日期没有数据',
  nothingHint: '所选条件下没有出价、展示或费用。请扩大日期范围或减少筛选。', first: '仅显示前 {n} 行；请缩小范围或下载 CSV。',
  preliminary: '初步', final: '最终', preliminaryHint: '迟到的事件仍可能改变数据。', asOf: '已计入 {at} 之前的全部数据。', currencies: '不同币种的金额不会相加：各币种分行显示。',
  downloading: '报表已下载。', tooLong: '最多 {n}',
});

export const dimensionWords = messages<Dimension>({
  day: 'Day', hour: 'Hour', advertiser: 'Advertiser', campaign: 'Campaign', line_item: 'Line item', creative: 'Creative', exchange: 'Exchange', deal: 'Deal', site: 'Site or app', format: 'Format', size: 'Size', device_type: 'Device', country: 'Country', region: 'Region', conversion_type: 'Conversion type',
}, {
  day: '日期', hour: '小时', advertiser: '广告主', campaign: '广告活动', line_item: '订单项', creative: '创意', exchange: '交易平台', deal: '交易', site: '网站或应用', format: '形式', size: '尺寸', device_type: '设备', country: '国家', region: '地区', conversion_type: '转化类型',
});

export const filterWords = messages<FilterName>({
  advertiser: 'Advertiser (id)', campaign: 'Campaign (id)', line_item: 'Line item (id)', creative: 'Creative (id)', exchange: 'Exchange', deal: 'Deal', site: 'Site (domain)', app: 'App (bundle)', ad_format: 'Format', size: 'Size', device_type: 'Device type', country: 'Country', region: 'Region', conversion_type: 'Conversion type',
}, {
  advertiser: '广告主（编号）', campaign: '广告活动（编号）', line_item: '订单项（编号）', creative: '创意（编号）', exchange: '交易平台', deal: '交易', site: '网站（域名）', app: '应用（包名）', ad_format: '形式', size: '尺寸', device_type: '设备类型', country: '国家', region: '地区', conversion_type: '转化类型',
});

export const rangeWords = messages<Range>({
  today: 'Today', yesterday: 'Yesterday', last_7_days: 'Last 7 days', last_30_days: 'Last 30 days', this_month: 'This month', last_month: 'Last month',
}, {
  today: '今天', yesterday: '昨天', last_7_days: '最近 7 天', last_30_days: '最近 30 天', this_month: '本月', last_month: '上月',
});

export const metricWords = messages<Metric>({
  bids: 'Bids', wins: 'Wins', win_rate: 'Win rate', impressions: 'Impressions', viewable: 'Viewable', viewability: 'Viewability', clicks: 'Clicks', ctr: 'CTR', starts: 'Starts', first_quartiles: '25%', midpoints: '50%', third_quartiles: '75%', completes: 'Completes', completion_rate: 'Completion rate',
  conversions: 'Conversions', click_conversions: 'After click', view_conversions: 'After view', cvr: 'CVR', value: 'Value', charge: 'Spend', ecpm: 'eCPM', ecpc: 'eCPC', ecpa: 'CPA', roas: 'ROAS', media_cost: 'Media cost', data_fee: 'Data fee', platform_fee: 'Platform fee', margin: 'Margin',
}, {
  bids: '出价', wins: '赢得', win_rate: '胜率', impressions: '展示', viewable: '可见展示', viewability: '可见率', clicks: '点击', ctr: '点击率', starts: '开始播放', first_quartiles: '播放 25%', midpoints: '播放 50%', third_quartiles: '播放 75%', completes: '完整播放', completion_rate: '完播率',
  conversions: '转化', click_conversions: '点击后转化', view_conversions: '浏览后转化', cvr: '转化率', value: '转化价值', charge: '花费', ecpm: 'eCPM', ecpc: 'eCPC', ecpa: '转化成本', roas: '投资回报', media_cost: '媒体成本', data_fee: '数据费', platform_fee: '平台费', margin: '毛利',
});

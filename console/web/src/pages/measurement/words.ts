import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Conversions', save: 'Save', cancel: 'Cancel', definitions: 'Conversion definitions', definitionsLead: 'What counts as a conversion, and how it is shared among what led to it. What is charged follows the last touch, whatever the model.', new: 'New definition', edit: 'Edit', newTitle: 'New conversion definition', noneYet: 'No definition yet', noneHint: 'A definition says which conversions count and what they are worth.', noAdvertiser: 'No advertiser yet',
  name: 'Name', type: 'Type', typeHint: 'As the pixel or server sends it, such as purchase.', model: 'Attribution model', count: 'Count', value: 'Value', fixed: 'Value of each', clicks: 'Click window, hours', views: 'View window, hours', windowHint: 'Empty: as the advertiser’s.', halfLife: 'Half-life, hours', ignoreViews: 'Clicks alone are touches', status: 'Status',
  last: 'Last touch', first: 'First touch', linear: 'Linear', time_decay: 'Time decay', position: 'Position', markov: 'Markov removal effect', shapley: 'Shapley', every: 'Every conversion', one: 'The first of each last touch', reported: 'As reported', fixed_: 'The same each', none: 'None',
  runs: 'Attribution', runsLead: 'A past window’s conversions, shared by a model. The rows and what is unattributed sum to the whole.', run: 'Compute', definition: 'Definition', by: 'By', from: 'From', to: 'To', own: 'The definition’s', channel: 'Channel', conversions: 'Conversions', worth: 'Value', touches: 'Touches', unattributed: 'Unattributed', whole: 'All', noRuns: 'Nothing was computed yet.', computed: '{model}, {from} to {to}, revision {n}', 
  line_item: 'Line item', campaign: 'Campaign', creative: 'Creative', exchange: 'Exchange', site: 'Site', touch: 'Click or view',
  experiments: 'Hold-out experiments', experimentsLead: 'Users who are held out are not shown the ads; what they buy anyway is the measure.', noExperiments: 'No experiment runs.', holdout: 'Held out', start: 'Start', end: 'End',
}, {
  title: '转化', save: '保存', cancel: '取消', definitions: '转化定义', definitionsLead: '定义哪些行为算作转化，以及如何归因。计费始终按最后一次触点，与模型无关。', new: '新建定义', edit: '编辑', newTitle: '新建转化定义', noneYet: '还没有定义', noneHint: '定义说明哪些转化计入以及各值多少。', noAdvertiser: '还没有广告主',
  name: '名称', type: '类型', typeHint: '与像素或服务器上报一致，例如 purchase。', model: '归因模型', count: '计数', value: '价值', fixed: '单次价值', clicks: '点击窗口（小时）', views: '浏览窗口（小时）', windowHint: '留空则与广告主一致。', halfLife: '半衰期（小时）', ignoreViews: '仅点击算作触点', status: '状态',
  last: '末次触点', first: '首次触点', linear: '线性', time_decay: '时间衰减', position: '位置', markov: '马尔可夫移除效应', shapley: 'Shapley', every: '每次转化', one: '每个末次触点的首次', reported: '按上报', fixed_: '固定', none: '无',
  runs: '归因', runsLead: '按所选模型分配过去时段的转化。各行与未归因之和等于总数。', run: '计算', definition: '定义', by: '维度', from: '开始', to: '结束', own: '按定义', channel: '渠道', conversions: '转化', worth: '价值', touches: '触点', unattributed: '未归因', whole: '合计', noRuns: '尚未计算。', computed: '{model}，{from} 至 {to}，版本 {n}',
  line_item: '订单项', campaign: '广告活动', creative: '创意', exchange: '交易平台', site: '站点', touch: '点击或浏览',
  experiments: '对照实验', experimentsLead: '对照组用户看不到广告；他们的购买即为基准。', noExperiments: '没有进行中的实验。', holdout: '对照组', start: '开始', end: '结束',
});

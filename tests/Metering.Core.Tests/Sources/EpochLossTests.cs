using System.Buffers;
using CsCheck;
using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class EpochLossTests
{
    private const long Grace = 60_000;
    private const long T0 = 1_000_000;

    private readonly EpochAccount _account = new("gateway"u8.ToArray(), 17);
    private readonly EpochLoss _loss;

    public EpochLossTests() => _loss = new EpochLoss(_account);

    [Fact]
    public void R3_Judge_counts_a_gap_as_lost_only_after_the_grace_time()
    {
        Take(1, 5);
        Assert.Equal(default, _loss.Judge(T0, Grace));
        Assert.Equal(new LossFigures(5, 3, 0), _loss.Figures);
        Assert.Equal(T0 + Grace, _loss.DueAtMs(Grace));
        Assert.Equal(default, _loss.Judge(T0 + Grace - 1, Grace));
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + Grace, Grace).Lost);
        Assert.Equal(new LossFigures(5, 0, 3), _loss.Figures);
        Assert.Equal(long.MaxValue, _loss.DueAtMs(Grace));
    }

    [Fact]
    public void R3_Judge_gives_a_gap_that_opens_later_its_own_grace_time()
    {
        Take(1, 5);
        _loss.Judge(T0, Grace);
        Take(8);
        _loss.Judge(T0 + Grace, Grace);
        Assert.Equal((2, 3), (_loss.Figures.InFlight, _loss.Figures.Lost));
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + (2 * Grace), Grace).Lost);
        Assert.Equal((0, 5), (_loss.Figures.InFlight, _loss.Figures.Lost));
    }

    [Fact]
    public void R3_A_late_event_lowers_lost_and_the_last_one_ends_it()
    {
        Lose(1, 4);
        Take(2);
        Assert.Equal(1, _loss.Figures.Lost);
        Assert.Equal(FindingNews.None, _loss.Judge(T0 + Grace + 1, Grace).Lost);
        Take(3);
        Assert.Equal(FindingNews.Resolved, _loss.Judge(T0 + Grace + 2, Grace).Lost);
        Assert.True(_loss.IsOver);
    }

    [Fact]
    public void R3_Judge_tells_of_new_losses_after_a_part_of_the_old_has_come()
    {
        Lose(1, 4);
        Take(2);
        _loss.Judge(T0 + Grace + 1, Grace);
        Take(6);
        _loss.Judge(T0 + Grace + 2, Grace);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + (2 * Grace) + 2, Grace).Lost);
        Assert.Equal(2, _loss.Figures.Lost);
    }

    [Fact]
    public void R3_What_is_in_forgotten_gaps_is_lost_at_once()
    {
        for (var sequence = 2; sequence <= 2 * (SequenceSet.MaxGaps + 1); sequence += 2)
            Take(sequence);
        Assert.Equal((SequenceSet.MaxGaps, 1), (_loss.Figures.InFlight, _loss.Figures.Lost));
        Assert.False(_loss.IsOver);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0, Grace).Lost);
    }

    [Fact]
    public void Judge_with_a_clock_that_was_set_back_begins_the_grace_time_anew()
    {
        Take(1, 3);
        _loss.Judge(T0, Grace);
        _loss.Judge(T0 - 500_000, Grace);
        Assert.Equal(FindingNews.None, _loss.Judge(T0 - 500_000 + Grace - 1, Grace).Lost);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 - 500_000 + Grace, Grace).Lost);
    }

    [Fact]
    public void R6_What_the_source_says_the_broker_has_is_lost_a_grace_time_after_the_report()
    {
        Take(1, 2);
        Report(last: 5, settled: 4);
        Assert.Equal(FindingNews.None, _loss.Judge(T0 + Grace - 1, Grace).Lost);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + Grace, Grace).Lost);
        Assert.Equal(new LossFigures(4, 0, 2), _loss.Figures);
        Take(7); // a gap that begins in what is lost already
        Assert.Equal(new LossFigures(7, 2, 2), _loss.Figures);
        Take(3);
        Assert.Equal(new LossFigures(7, 2, 1), _loss.Figures);
        Assert.Equal(2 + 1 + 1, _account.Metered);
    }

    [Fact]
    public void R6_A_report_moves_no_watermark_and_a_lower_one_takes_its_losses_back()
    {
        Take(1);
        Report(last: 1L << 50, settled: 1L << 50);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + Grace, Grace).Lost);
        Assert.Equal(1, _account.Sequences.Highest);
        Assert.Equal(SequenceVerdict.New, _account.Sequences.Take(2));
        _account.AddMetered(1, 10, 5);
        Report(last: 2, settled: 2);
        Assert.Equal(FindingNews.Resolved, _loss.Judge(T0 + Grace + 1, Grace).Lost);
        Assert.Equal(new LossFigures(2, 0, 0), _loss.Figures);
    }

    [Fact]
    public void R6_A_report_that_is_behind_for_the_grace_time_is_told_once_and_when_it_has_caught_up()
    {
        Take(1, 2, 3);
        Report(last: 1, settled: 1);
        Assert.Equal(default, _loss.Judge(T0, Grace).Report);
        Assert.Equal(new ReportNews(ReportFault.FewerEvents, ReportFault.None), _loss.Judge(T0 + Grace, Grace).Report);
        Assert.Equal(default, _loss.Judge(T0 + (5 * Grace), Grace).Report);
        Assert.Equal(long.MaxValue, _loss.DueAtMs(Grace)); // a dead source costs nothing more
        Report(last: 3, settled: 3);
        _loss.Judge(T0 + (6 * Grace), Grace);
        Assert.Equal(new ReportNews(ReportFault.None, ReportFault.FewerEvents), _loss.Judge(T0 + (7 * Grace), Grace).Report);
        Assert.True(_loss.IsOver);
    }

    [Fact]
    public void R6_A_source_whose_reports_keep_up_is_no_finding_though_each_is_behind_when_it_is_looked_at()
    {
        for (var second = 1; second <= 300; second++)
        {
            Take(second);
            Report(last: second - 1, settled: second - 1);
            Assert.Equal(default, _loss.Judge(T0 + (second * 1000), Grace));
        }
    }

    [Theory]
    [InlineData(29, 15, ReportFault.FewerTokens)]
    [InlineData(30, 14, ReportFault.FewerTokens)]
    [InlineData(31, 15, ReportFault.MoreTokens)]
    [InlineData(30, 15, ReportFault.None)]
    public void R6_Token_sums_are_compared_when_both_have_counted_the_same_events(long inputTokens, long outputTokens, ReportFault fault)
    {
        Take(1, 2, 3);
        _loss.Report = new EpochReport(_account.Source, 17, T0, 3, 3, inputTokens, outputTokens, IsClosed: false);
        _loss.Judge(T0, Grace);
        Assert.Equal(new ReportNews(fault, ReportFault.None), _loss.Judge(T0 + Grace, Grace).Report);
        Assert.Equal(default, _loss.Judge(T0 + (2 * Grace), Grace).Report);
    }

    [Fact]
    public void A_source_without_a_report_is_no_finding()
    {
        Take(1, 2, 3);
        Assert.False(EpochLoss.IsNeeded(_account, null));
        Assert.True(_loss.IsOver);
    }

    private static readonly Gen<List<(long Sequence, long Settled, long PassMs)>> Histories =
        Gen.Select(Gen.Long[1, 40], Gen.Long[0, 60], Gen.Long[0, 40_000]).List[0, 120];

    [Fact]
    public void R3_R9_Figures_add_up_whatever_comes_and_a_restored_loss_goes_on_as_the_same() => Histories.Sample(history =>
    {
        var account = new EpochAccount("s"u8.ToArray(), 1);
        EpochLoss loss = new(account), restored = new(account);
        var now = T0;
        foreach (var (sequence, settled, passMs) in history)
        {
            Take(account, sequence);
            now += passMs;
            restored.Restore(Again(loss.State));
            restored.Report = loss.Report = settled > 20 ? loss.Report : new EpochReport(account.Source, 1, now, settled, settled, settled, settled, IsClosed: false);
            Assert.Equal(loss.Judge(now, Grace), restored.Judge(now, Grace));
            Assert.Equal(loss.State, restored.State);
            var figures = loss.Figures;
            Assert.Equal(figures.Published, account.Metered + account.Rejected + figures.InFlight + figures.Lost);
            Assert.True(figures is { InFlight: >= 0, Lost: >= 0 });
        }
        for (var i = 0; i < 4; i++)
            loss.Judge(now += Grace, Grace);
        Assert.Equal(0, loss.Figures.InFlight);
        Assert.Equal(Math.Max(account.Sequences.Highest, loss.Report?.SettledSequence ?? 0) - account.Metered, loss.Figures.Lost);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(41)]
    [InlineData(43)]
    public void ReadValue_of_another_length_is_refused(int length) =>
        Assert.Throws<InvalidDataException>(() => EpochLossCodec.ReadValue(new byte[] { 1 }.Concat(new byte[42]).Take(length).ToArray()));

    [Fact]
    public void Keys_of_accounts_and_losses_are_told_apart()
    {
        var key = new ArrayBufferWriter<byte>();
        EpochLossCodec.WriteKey(key, _account);
        Assert.True(EpochLossCodec.IsKey(key.WrittenSpan));
        Assert.Equal("gateway"u8, EpochLossCodec.SourceOf(key.WrittenSpan));
        Assert.Equal(17, EpochLossCodec.EpochOf(key.WrittenSpan));
        key.ResetWrittenCount();
        EpochAccountCodec.WriteKey(key, _account);
        Assert.False(EpochLossCodec.IsKey(key.WrittenSpan));
    }

    private static LossState Again(in LossState state)
    {
        var value = new ArrayBufferWriter<byte>();
        EpochLossCodec.WriteValue(value, state);
        return EpochLossCodec.ReadValue(value.WrittenSpan);
    }

    private void Report(long last, long settled) => _loss.Report = new EpochReport(_account.Source, 17, T0, last, settled, last * 10, last * 5, IsClosed: false);

    private void Lose(long first, long next)
    {
        Take(first, next);
        _loss.Judge(T0, Grace);
        Assert.Equal(FindingNews.Firing, _loss.Judge(T0 + Grace, Grace).Lost);
    }

    private void Take(params long[] sequences)
    {
        foreach (var sequence in sequences)
            Take(_account, sequence);
    }

    private static void Take(EpochAccount account, long sequence)
    {
        if (account.Sequences.Take(sequence) is SequenceVerdict.New or SequenceVerdict.FillsGap)
            account.AddMetered(5, 10, 5);
        else
            account.AddDuplicate(5);
    }
}

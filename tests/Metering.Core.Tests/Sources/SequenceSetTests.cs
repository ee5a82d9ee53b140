using CsCheck;
using Metering.Core.Sources;

namespace Metering.Core.Tests.Sources;

public sealed class SequenceSetTests
{
    [Fact]
    public void Take_in_order_is_new_and_leaves_no_gap()
    {
        var set = new SequenceSet();
        for (var sequence = 1; sequence <= 1000; sequence++)
            Assert.Equal(SequenceVerdict.New, set.Take(sequence));
        Assert.Equal((1000, 0, 0), (set.Highest, set.Missing, set.Gaps.Length));
    }

    [Fact]
    public void R3_Take_twice_is_a_duplicate_below_the_highest_and_outside_gaps()
    {
        var set = new SequenceSet();
        set.Take(1);
        set.Take(5);
        Assert.Equal(SequenceVerdict.Duplicate, set.Take(1));
        Assert.Equal(SequenceVerdict.Duplicate, set.Take(5));
        Assert.Equal(3, set.Missing);
    }

    [Fact]
    public void R3_A_late_event_fills_its_gap_and_lowers_what_is_missing()
    {
        var set = new SequenceSet();
        set.Take(10);
        Assert.Equal(SequenceVerdict.FillsGap, set.Take(4));
        Assert.Equal(SequenceVerdict.Duplicate, set.Take(4));
        Assert.Equal([new SequenceGap(1, 3), new SequenceGap(5, 9)], set.Gaps.ToArray());
        Assert.Equal(8, set.Missing);
    }

    [Fact]
    public void R3_What_is_older_than_all_that_is_remembered_is_never_guessed()
    {
        var set = new SequenceSet();
        for (var sequence = 2L; set.ForgottenUpTo == 0; sequence += 2)
            set.Take(sequence);
        Assert.Equal(SequenceVerdict.TooOldToTell, set.Take(1));
        Assert.Equal(1, set.ForgottenMissing);
        Assert.Equal(SequenceVerdict.FillsGap, set.Take(3));
    }

    [Fact]
    public void R3_Verdicts_equal_those_of_a_set_that_remembers_everything() =>
        Gen.Long[1, 60].List[0, 200].Sample(sequences =>
        {
            var set = new SequenceSet();
            var all = new HashSet<long>();
            foreach (var sequence in sequences)
            {
                var isNew = all.Add(sequence);
                var verdict = set.Take(sequence);
                Assert.Equal(isNew, verdict is SequenceVerdict.New or SequenceVerdict.FillsGap);
                Assert.Equal(all.Max(), set.Highest);
                Assert.Equal(all.Max() - all.Count, set.Missing);
            }
        });

    [Fact]
    public void R9_A_restored_set_goes_on_as_the_saved_one() =>
        Gen.Select(Gen.Long[1, 60].List[0, 100], Gen.Long[1, 80].List[0, 50]).Sample((before, after) =>
        {
            var set = new SequenceSet();
            foreach (var sequence in before)
                set.Take(sequence);
            var restored = new SequenceSet();
            restored.Restore(set.Highest, set.ForgottenUpTo, set.ForgottenMissing, set.Gaps);
            foreach (var sequence in after)
                Assert.Equal(set.Take(sequence), restored.Take(sequence));
            Assert.Equal((set.Highest, set.Missing), (restored.Highest, restored.Missing));
        });

    [Fact]
    public void Restore_of_overlapping_gaps_is_refused() =>
        Assert.Throws<ArgumentException>(() => new SequenceSet().Restore(10, 0, 0, [new SequenceGap(2, 5), new SequenceGap(5, 6)]));
}

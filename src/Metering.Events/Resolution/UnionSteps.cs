namespace Metering.Events;

/// <summary>The writer has a union: each of its branches has a step of its own, or none if the reader knows no such value.</summary>
/// <param name="branches">A step for each of the writer's branches.</param>
/// <param name="readerBranches">Branches of the reader's union, 0 if it has none.</param>
internal sealed class FromUnionStep(Step?[] branches, int readerBranches) : Step
{
    /// <summary>Asked once the plan is whole: a branch may hold the record that it stands in.</summary>
    public override bool IsIdentity
    {
        get
        {
            for (var i = 0; i < branches.Length; i++)
            {
                if (branches[i] is not ToUnionStep same || same.Branch != i || !same.Value.IsIdentity)
                    return false;
            }
            return branches.Length == readerBranches;
        }
    }

    public override int Run(ref Transcoder transcoder, int position)
    {
        position = transcoder.Reader.ReadUnion(position, branches.Length, out var branch);
        if (position < 0)
            return position;
        return branches[branch] is { } step ? step.Run(ref transcoder, position) : AvroReader.Fail(DecodeError.BadUnion);
    }
}

/// <summary>The reader has a union: its branch goes in front of the value.</summary>
internal sealed class ToUnionStep(int branch, Step value) : Step
{
    public override bool IsIdentity => false;

    public int Branch => branch;

    public Step Value => value;

    public override int Run(ref Transcoder transcoder, int position)
    {
        position = transcoder.WriteLong(branch, position);
        return position < 0 ? position : value.Run(ref transcoder, position);
    }
}
